using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Ingot.Llm.Chat;
using Ingot.Llm.Generation;

namespace Ingot.Llm.Serving;

/// <summary>A piece of an answer, and the tokens that it came with.</summary>
/// <param name="Event">Words, thought, a call of a tool or a part of one; null: tokens that are no words yet.</param>
/// <param name="Tokens">Each token of the answer is in exactly one piece.</param>
public sealed record AnswerPiece(AssistantEvent? Event, IReadOnlyList<ChosenToken> Tokens);

/// <summary>One answer to a <see cref="ChatCall"/>, as it is being written.</summary>
public sealed class ChatAnswer : IDisposable
{
    readonly ServedSequence sequence;
    readonly AssistantReader reader;
    readonly ChatCall call;
    readonly bool isForcedCall;
    bool hasCalls, hasBrokenCall, isEnough;

    internal ChatAnswer(ServedSequence sequence, AssistantReader reader, ChatCall call, bool isForcedCall) =>
        (this.sequence, this.reader, this.call, this.isForcedCall) = (sequence, reader, call, isForcedCall);

    /// <summary>Tokens of the prompt.</summary>
    public int PromptTokens => sequence.Prompt.Length;

    /// <summary>Those of them that did not need computing.</summary>
    public int CachedTokens => sequence.CachedTokens;

    /// <summary>Tokens of the answer so far.</summary>
    public int GeneratedTokens { get; private set; }

    /// <summary>"stop", "length" or "tool_calls"; of use when all pieces were read.</summary>
    public string FinishReason => IsCut && (hasBrokenCall || !hasCalls) ? "length" : hasCalls ? "tool_calls" : "stop";

    bool IsCut => !isEnough && sequence.Finish is Finish.MaxTokens or Finish.Context;

    /// <summary>The pieces as they come. To be read once.</summary>
    /// <param name="cancellation">Ends the answer.</param>
    /// <exception cref="IngotException">The prompt does not fit, or the loop was stopped.</exception>
    public async IAsyncEnumerable<AnswerPiece> ReadAsync([EnumeratorCancellation] CancellationToken cancellation = default)
    {
        using var end = this;
        List<ChosenToken> held = [];
        var forced = new StringBuilder();
        await foreach (var token in sequence.Tokens.ReadAllAsync(cancellation).ConfigureAwait(false))
        {
            GeneratedTokens++;
            held.Add(token);
            foreach (var piece in Pieces(reader.Add(token.Id), held, forced)) yield return piece;
            if (isEnough || reader.IsStopped)
            {
                isEnough = true;
                break;
            }
        }
        if (!isEnough || reader.IsStopped)
            foreach (var piece in Pieces(reader.Finish(), held, forced)) yield return piece;
        if (isForcedCall)
            foreach (var call in ForcedCall(forced.ToString())) yield return new(call, []);
        if (held.Count > 0) yield return new(null, held);
    }

    /// <summary>Wraps events; the tokens read so far go with the first.</summary>
    IEnumerable<AnswerPiece> Pieces(IReadOnlyList<AssistantEvent> events, List<ChosenToken> held, StringBuilder forced)
    {
        foreach (var e in events)
        {
            if (isEnough) yield break;
            if (isForcedCall)
            {
                if (e is ContentDelta { Text: var text }) forced.Append(text);
                continue;
            }
            hasCalls |= e is ToolCallEnded;
            hasBrokenCall |= e is ToolCallBroken;
            ChosenToken[] tokens = [.. held];
            held.Clear();
            yield return new(e is ToolCallBroken broken ? new ContentDelta(broken.Text) : e, tokens); // what was no call after all is words
            if (e is ToolCallEnded && !call.AllowsParallelCalls) isEnough = true;
        }
    }

    /// <summary>A call that the model had to make: it wrote {"name": ..., "arguments": ...}.</summary>
    IEnumerable<AssistantEvent> ForcedCall(string json)
    {
        string name, arguments;
        bool isWhole = true;
        try
        {
            using var parsed = JsonDocument.Parse(json);
            (name, arguments) = (parsed.RootElement.GetProperty("name").GetString()!, parsed.RootElement.GetProperty("arguments").GetRawText());
        }
        catch (JsonException) { (name, arguments, isWhole) = ("", "", false); }
        if (!isWhole) // cut off by the limit of tokens or a stop string
        {
            hasBrokenCall = true;
            if (json.Length > 0) yield return new ContentDelta(json);
            yield break;
        }
        hasCalls = true;
        var call = new ToolCall($"call_{Guid.NewGuid():N}", name, arguments);
        yield return new ToolCallStarted(0, call.Id, name);
        yield return new ToolArgumentsDelta(0, arguments);
        yield return new ToolCallEnded(0, call);
    }

    public void Dispose() => sequence.Dispose();
}
