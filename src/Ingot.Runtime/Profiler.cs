using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Ingot.Runtime;

/// <summary>A named fact about a traced event: a number or a text.</summary>
public readonly record struct ProfileArg(string Name, string? Text, double Number)
{
    public static implicit operator ProfileArg((string Name, double Number) arg) => new(arg.Name, null, arg.Number);
    public static implicit operator ProfileArg((string Name, string Text) arg) => new(arg.Name, arg.Text, 0);
}

/// <summary>
/// Writes what ran when, on which worker, as trace events that Perfetto (ui.perfetto.dev) and Chrome open. On from the start with <c>PROFILE=1</c>,
/// into <see cref="DefaultFile"/> in the current folder; closed at the end of the process.
/// </summary>
/// <remarks>Off, it costs one test of a field a call, and no allocation: the arguments are structs on the stack.</remarks>
public static class Profiler
{
    public const string DefaultFile = "ingot-trace.json";

    static readonly Lock gate = new();
    static readonly long origin = Stopwatch.GetTimestamp();
    static Utf8JsonWriter? writer;
    static Stream? stream;

    static Profiler()
    {
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Stop();
        if (Settings.Profile <= 0) return;
        try
        {
            Start(DefaultFile);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"PROFILE=1: no trace is written, since {e.Message}"); // a read-only folder is no reason to stop a training run
        }
    }

    /// <summary>Whether events are being written.</summary>
    public static bool IsOn => Volatile.Read(ref writer) is not null;

    /// <summary>The clock of the events: ticks of <see cref="Stopwatch"/>.</summary>
    public static long Now
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Stopwatch.GetTimestamp();
    }

    /// <summary>Starts a new trace in a file, which it overwrites; ends the present one, if any.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Start(string path)
    {
        lock (gate)
        {
            Stop();
            stream = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read);
            var json = new Utf8JsonWriter(stream);
            json.WriteStartArray(); // the array form: viewers also read it when a killed process has left it open
            Volatile.Write(ref writer, json);
        }
    }

    /// <summary>Ends the trace and closes its file.</summary>
    public static void Stop()
    {
        lock (gate)
        {
            if (writer is not { } json) return;
            json.WriteEndArray();
            json.Dispose();
            stream!.Dispose();
            (writer, stream) = (null, null);
        }
    }

    /// <summary>Records something that ran from start to end, in ticks of <see cref="Now"/>.</summary>
    /// <param name="name">What ran; events of one name get one colour.</param>
    /// <param name="startTicks">When it began.</param>
    /// <param name="endTicks">When it had ended.</param>
    /// <param name="worker">The row it is drawn in: the worker's number, 0 for the caller.</param>
    /// <param name="args">Shown when the event is selected.</param>
    public static void Event(string name, long startTicks, long endTicks, int worker = 0, params ReadOnlySpan<ProfileArg> args)
    {
        if (IsOn) Write(name, startTicks, endTicks, worker, args);
    }

    static void Write(string name, long startTicks, long endTicks, int worker, ReadOnlySpan<ProfileArg> args)
    {
        lock (gate)
        {
            if (writer is not { } json) return; // stopped meanwhile
            json.WriteStartObject();
            json.WriteString("name", name);
            json.WriteString("ph", "X"); // a complete event: start and duration
            json.WriteNumber("ts", Microseconds(startTicks - origin));
            json.WriteNumber("dur", Microseconds(endTicks - startTicks));
            json.WriteNumber("pid", Environment.ProcessId);
            json.WriteNumber("tid", worker);
            if (!args.IsEmpty)
            {
                json.WriteStartObject("args");
                foreach (var arg in args)
                    if (arg.Text is { } text) json.WriteString(arg.Name, text);
                    else if (double.IsFinite(arg.Number)) json.WriteNumber(arg.Name, arg.Number);
                    else json.WriteString(arg.Name, arg.Number.ToString()); // JSON has no word for it
                json.WriteEndObject();
            }
            json.WriteEndObject();
            if (json.BytesPending > 1 << 16) json.Flush();
        }
    }

    static double Microseconds(long ticks) => Math.Round(ticks * 1e6 / Stopwatch.Frequency, 3);
}
