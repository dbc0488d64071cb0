using Ingot.Llm.Chat;
using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Tools;

/// <summary>
/// Watches what an assistant writes: between the tokens that begin and end a call it collects the call's text, and gives the tool's answer, as tokens, to be put
/// behind it.
/// </summary>
/// <param name="format">The special tokens.</param>
/// <param name="tokenizer">Of the model.</param>
/// <param name="tool">The answer to a call's text; it must not throw.</param>
public sealed class ToolCalls(ChatFormat format, Tokenizer tokenizer, Func<string, string> tool)
{
    /// <summary>Calls longer than this are not answered: the model has lost its way.</summary>
    const int MostTokens = 256;

    readonly List<int> call = [];
    bool isInCall;

    /// <summary>Calls so far, with their answers.</summary>
    public List<(string Call, string Answer)> Answered { get; } = [];

    /// <summary>A call has begun and not ended.</summary>
    public bool IsInCall => isInCall;

    /// <summary>Takes the next token that the model chose.</summary>
    /// <returns>What is to follow it: the tool's answer in its marks if a call has just ended, otherwise nothing.</returns>
    public int[] Next(int token)
    {
        if (token == format.ToolStart)
        {
            isInCall = true;
            call.Clear();
        }
        else if (token == format.ToolEnd && isInCall)
        {
            isInCall = false;
            string text = tokenizer.Decode([.. call]), answer = tool(text);
            Answered.Add((text, answer));
            return [format.OutputStart, .. format.Encode(answer), format.OutputEnd];
        }
        else if (isInCall)
        {
            if (call.Count < MostTokens) call.Add(token);
            else isInCall = false;
        }
        return [];
    }
}
