using System.Text;
using System.Text.Json;

namespace Ingot.Llm.Chat;

/// <summary>Reads one call written as <c>{"name": "...", "arguments": {...}}</c>, character by character; its arguments are given out as they come once the tool is known.</summary>
/// <param name="index">Of the call in its turn.</param>
/// <param name="events">Where they go.</param>
/// <param name="isOffered">Whether there is such a tool.</param>
/// <param name="allowsOtherKeys">Keys that mean nothing here are passed over; otherwise an object with such a key is no call.</param>
sealed class JsonCall(int index, EventList events, Func<string, bool> isOffered, bool allowsOtherKeys)
{
    public enum State { Going, Complete, NoCall }

    readonly JsonScanner scanner = new();
    readonly StringBuilder part = new(); // the key or the value of the outermost object that is being read
    string? key, name, id, early; // arguments that came before the name
    string arguments = "";
    bool isKey, isValue, streams, hasArguments;

    /// <summary>The call was announced.</summary>
    public bool IsStarted { get; private set; }

    /// <summary>The object has no end of its own: the call ends with its arguments.</summary>
    public bool ClosesAfterArguments { get; set; }

    public State Next(char c)
    {
        var was = scanner.At;
        int wasDepth = scanner.Depth;
        if (!scanner.Next(c)) return State.NoCall;
        if (wasDepth == 0 && scanner.Depth == 0 && scanner.At != JsonScanner.Place.Value) return State.NoCall; // a value that is no object
        if (wasDepth == 1 && was is JsonScanner.Place.FirstKey or JsonScanner.Place.Key && scanner.At == JsonScanner.Place.KeyText) Begin(ref isKey);
        else if (wasDepth == 1 && was == JsonScanner.Place.Value && scanner.At != JsonScanner.Place.Value)
        {
            Begin(ref isValue);
            if (IsArguments && c == '{' && name is not null)
            {
                streams = true;
                Start();
            }
        }
        bool ends = isValue && scanner.Depth <= 1 && scanner.At is JsonScanner.Place.AfterValue or JsonScanner.Place.Done or JsonScanner.Place.Key;
        bool isDelimiter = ends && was == JsonScanner.Place.Number && wasDepth == 1;
        if ((isKey || isValue) && !isDelimiter) part.Append(c);
        if (streams && !isDelimiter) events.Argument(index, c.ToString());
        if (isKey && scanner.At == JsonScanner.Place.Colon)
        {
            isKey = false;
            key = Read(part);
            if (!allowsOtherKeys && key is not ("name" or "arguments" or "parameters" or "id" or "type")) return State.NoCall;
        }
        else if (ends && !EndValue()) return State.NoCall;
        if (!scanner.IsDone && !(ClosesAfterArguments && hasArguments)) return State.Going;
        if (name is null) return State.NoCall;
        if (!IsStarted)
        {
            Start();
            if (!hasArguments) events.Argument(index, arguments = "{}");
        }
        events.Add(new ToolCallEnded(index, new(id!, name, arguments)));
        return State.Complete;
    }

    bool IsArguments => key is "arguments" or "parameters";

    void Begin(ref bool what)
    {
        what = true;
        part.Clear();
    }

    void Start()
    {
        IsStarted = true;
        events.Add(new ToolCallStarted(index, id ??= EventList.NewId(), name!));
        if (early is not null) events.Argument(index, arguments = early);
    }

    bool EndValue()
    {
        isValue = false;
        string text = part.ToString();
        if (key == "name")
        {
            if (name is not null || !text.StartsWith('"') || !isOffered(Read(part))) return false;
            name = Read(part);
        }
        else if (key == "id" && !IsStarted && text.StartsWith('"') && Read(part).Length > 0) id = Read(part);
        else if (IsArguments)
        {
            if (hasArguments) return false;
            hasArguments = true;
            string? given = text[0] switch { '{' => text, '"' => ObjectIn(Read(part)), 'n' => "{}", _ => null };
            if (given is null) return false;
            if (streams) arguments = given;
            else early = given;
            streams = false;
        }
        return true;
    }

    /// <summary>Some models write the arguments as a string that holds JSON.</summary>
    static string? ObjectIn(string text)
    {
        if (string.IsNullOrWhiteSpace(text)) return "{}";
        var scanner = new JsonScanner();
        foreach (char c in text.Trim())
            if (!scanner.Next(c)) return null;
        return scanner.IsDone && text.TrimStart().StartsWith('{') ? text.Trim() : null;
    }

    static string Read(StringBuilder json)
    {
        try { return JsonSerializer.Deserialize<string>(json.ToString()) ?? ""; }
        catch (Exception e) when (e is JsonException or InvalidOperationException) { return ""; } // lone surrogates in escapes
    }
}
