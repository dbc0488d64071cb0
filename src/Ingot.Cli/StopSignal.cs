namespace Ingot.Cli;

/// <summary>Set by Ctrl-C and by SIGTERM.</summary>
static class StopSignal
{
    /// <summary>As a shell reports a process ended by Ctrl-C.</summary>
    public const int ExitCode = 130;

    public static CancellationToken Token { get; set; }
}
