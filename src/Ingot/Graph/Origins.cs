using System.Diagnostics;

namespace Ingot.Graph;

/// <summary>Finds the user's line on the call stack: the first frame outside Ingot's library.</summary>
static class Origins
{
    public static string? UserLine()
    {
        var trace = new StackTrace(1, true);
        foreach (var frame in trace.GetFrames())
        {
            var assembly = frame.GetMethod()?.DeclaringType?.Assembly;
            if (assembly is null || assembly == typeof(Origins).Assembly || assembly == typeof(object).Assembly) continue;
            return frame.GetFileName() is { } file ? $"{Path.GetFileName(file)}:{frame.GetFileLineNumber()}" : null;
        }
        return null;
    }
}
