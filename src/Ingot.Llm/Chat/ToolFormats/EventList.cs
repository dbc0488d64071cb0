using System.Security.Cryptography;
using System.Text;

namespace Ingot.Llm.Chat;

/// <summary>Events of one piece of text: neighbours of a kind are joined.</summary>
sealed class EventList
{
    readonly List<AssistantEvent> events = [];
    readonly StringBuilder text = new();
    Func<string, AssistantEvent>? kind;
    int kindIndex = -2;

    public void Content(string more) => Append(more, -1, t => new ContentDelta(t));

    public void Content(char more) => Append(more.ToString(), -1, t => new ContentDelta(t));

    public void Argument(int index, string more) => Append(more, index, t => new ToolArgumentsDelta(index, t));

    public void Add(AssistantEvent e)
    {
        Flush();
        events.Add(e);
    }

    public IReadOnlyList<AssistantEvent> Take()
    {
        Flush();
        AssistantEvent[] all = [.. events];
        events.Clear();
        return all;
    }

    void Append(string more, int index, Func<string, AssistantEvent> make)
    {
        if (more.Length == 0) return;
        if (kindIndex != index) Flush();
        (kind, kindIndex) = (make, index);
        text.Append(more);
    }

    void Flush()
    {
        if (text.Length > 0) events.Add(kind!(text.ToString()));
        text.Clear();
        kindIndex = -2;
    }

    /// <summary>Nine letters and digits: what Mistral's templates insist on suits the others too.</summary>
    public static string NewId() => RandomNumberGenerator.GetString("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 9);
}
