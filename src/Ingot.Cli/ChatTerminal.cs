using Ingot.Llm.Chat;
using Ingot.Llm.Generation;
using Ingot.Llm.Models;

namespace Ingot.Cli;

/// <summary>A conversation in the terminal, of <c>ingot run</c> and <c>ingot chat</c>: what is typed goes to a <see cref="ChatSession"/>, or is a command that begins with a slash.</summary>
sealed class ChatTerminal(ChatSession session, SamplingOptions options, string? prefill, StreamWriter output)
{
    const string Help = """
        /reset          forget what was said
        /system TEXT    tell the model about itself (without TEXT: show it; /system - removes it)
        /save FILE      write the conversation as JSON
        /load FILE      go on with one
        /help           this
        /exit           end (Ctrl-D too)
        A line that ends with \ goes on in the next; so does everything between lines of three quotes.
        """;

    /// <summary>A session with a model that was loaded for conversations.</summary>
    /// <param name="loaded">The model.</param>
    /// <param name="speed">What measures it.</param>
    /// <param name="drafter">What guesses its tokens; null: nothing.</param>
    public static ChatSession SessionOf(LoadedModel loaded, RunSpeed speed, IDrafter? drafter) =>
        new(loaded.Model, loaded.Tokenizer, ChatPrompt.Of(loaded.Tokenizer, loaded.ChatTemplate, new() { BeginToken = loaded.BeginToken, EndTokens = loaded.EndTokens })) { Step = speed.Step, Drafter = drafter };

    /// <summary>Talks until the input ends, somebody says so, or Ctrl-C.</summary>
    /// <param name="loaded">For the line that greets.</param>
    public void Talk(LoadedModel loaded)
    {
        if (!Console.IsInputRedirected) output.WriteLine($"{loaded.Name}: {loaded.Family}, {loaded.Model.Config.ParameterCount:N0} parameters, context {loaded.Model.ContextLength:N0}. /help lists the commands.");
        while (TerminalInput.Read(output) is { } text && !StopSignal.Token.IsCancellationRequested)
        {
            if (text.Trim().Length == 0) continue;
            try
            {
                if (!text.StartsWith('/')) Say(text);
                else if (!Obey(text.Trim())) break;
            }
            catch (IngotException e) { Console.Error.WriteLine($"ingot: {e.Message}"); }
        }
    }

    /// <summary>Says something and writes the answer as it comes.</summary>
    public void Say(string text)
    {
        bool isThinking = false;
        foreach (var e in session.Say(text, options, prefill, StopSignal.Token))
        {
            if (e is ReasoningDelta != isThinking && e is ReasoningDelta or ContentDelta)
            {
                isThinking = e is ReasoningDelta;
                output.Write(isThinking ? "[thinking] " : "\n[answer] ");
            }
            output.Write(e switch { ContentDelta c => c.Text, ReasoningDelta r => r.Text, ToolAnswered t => $"[{ExpressionOf(t.Call)} = {t.Answer}]", ToolCallBroken b => b.Text, _ => "" });
        }
        output.WriteLine(session.Finish switch { Finish.MaxTokens => " [...]", Finish.Context => " [the context is full]", _ => "" });
    }

    static string ExpressionOf(ToolCall call)
    {
        using var json = System.Text.Json.JsonDocument.Parse(call.Arguments);
        return json.RootElement.TryGetProperty("expression", out var expression) ? expression.ToString() : call.Arguments;
    }

    /// <summary>Does what a command says.</summary>
    /// <returns>False if it was to end.</returns>
    bool Obey(string line)
    {
        int space = line.IndexOf(' ');
        var (name, rest) = space < 0 ? (line, "") : (line[..space], line[space..].Trim());
        switch (name)
        {
            case "/exit" or "/quit":
                return false;
            case "/help":
                output.WriteLine(Help);
                break;
            case "/reset":
                var system = session.System;
                session.Conversation = new([]);
                session.System = system;
                output.WriteLine("(forgotten)");
                break;
            case "/system" when rest.Length == 0:
                output.WriteLine(session.System ?? "(none)");
                break;
            case "/system":
                session.System = rest == "-" ? null : rest;
                break;
            case "/save" or "/load" when rest.Length == 0:
                throw new IngotException($"{name} needs a file");
            case "/save":
                ConversationFile.Save(session.Conversation, rest);
                output.WriteLine($"(saved {session.Conversation.Messages.Count} messages)");
                break;
            case "/load":
                session.Conversation = ConversationFile.Load(rest);
                output.WriteLine($"(loaded {session.Conversation.Messages.Count} messages)");
                break;
            default:
                throw new IngotException($"there is no command {name}; /help lists them");
        }
        return true;
    }
}
