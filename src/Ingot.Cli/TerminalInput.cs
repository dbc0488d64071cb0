namespace Ingot.Cli;

/// <summary>What is typed in a conversation: a line, lines that end with \, or a block between lines of three quotes.</summary>
static class TerminalInput
{
    /// <summary>What the user says, of one line or several; null at the end of the input.</summary>
    public static string? Read(StreamWriter output)
    {
        var lines = new List<string>();
        bool isBlock = false;
        while (true)
        {
            if (!Console.IsInputRedirected) output.Write(lines.Count == 0 && !isBlock ? "> " : ". ");
            if (Console.In.ReadLine() is not { } line) return lines.Count > 0 ? string.Join('\n', lines) : null;
            if (line.Trim() == "\"\"\"")
            {
                if (isBlock) return string.Join('\n', lines);
                isBlock = true;
                continue;
            }
            bool goesOn = !isBlock && line.EndsWith('\\');
            lines.Add(goesOn ? line[..^1] : line);
            if (!isBlock && !goesOn) return string.Join('\n', lines);
        }
    }
}
