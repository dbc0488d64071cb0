using System.Collections.Concurrent;
using System.Diagnostics;
using System.Reflection;

namespace Ingot.Graph;

/// <summary>Finds the user's line on the call stack: the first frame outside Ingot's library.</summary>
static class Origins
{
    /// <summary>Lines found before, by place in the code: reading them from the debug symbols costs milliseconds, and a training step asks at each step again.</summary>
    static readonly ConcurrentDictionary<(MethodBase Method, int Offset), string?> Lines = new();

    public static string? UserLine()
    {
        var trace = new StackTrace(1, false);
        for (int i = 0; i < trace.FrameCount; i++)
        {
            var frame = trace.GetFrame(i)!;
            if (frame.GetMethod() is not { } method) continue;
            var assembly = method.DeclaringType?.Assembly;
            if (assembly is null || assembly == typeof(Origins).Assembly || assembly == typeof(object).Assembly) continue;
            var key = (method, frame.GetILOffset());
            if (Lines.TryGetValue(key, out var line)) return line;
            var named = new StackFrame(i + 1, true);
            return Lines[key] = named.GetFileName() is { } file ? $"{Path.GetFileName(file)}:{named.GetFileLineNumber()}" : null;
        }
        return null;
    }
}
