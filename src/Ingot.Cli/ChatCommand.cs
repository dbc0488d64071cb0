using System.CommandLine;
using System.Text;
using Ingot.Llm.Chat;
using Ingot.Llm.Generation;

namespace Ingot.Cli;

/// <summary><c>ingot chat</c>: a conversation in the terminal.</summary>
static class ChatCommand
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

    public static Command Create()
    {
        var model = Options.Folder("--model", "-m", "Folder of a model (config.json, safetensors, tokenizer.json), of a stage or of a run.");
        model.Required = true;
        var system = new Option<string?>("--system") { Description = "What the model is told about itself." };
        var words = new Option<string>("--prefill") { Description = "What every answer begins with.", DefaultValueFactory = _ => "" };
        var tokens = Options.Number("--tokens", "-n", "The most tokens of an answer.", 512);
        var sampling = new SamplingArguments(temperature: 0.7);
        var command = new Command("chat", "Talk with a model that Ingot trained, streaming, with its calculator; other models: ingot run. Commands begin with a slash: /help lists them.") { model, system, words, tokens };
        sampling.AddTo(command);
        command.SetAction(args => Run(Path.GetFullPath(args.GetValue(model)!), args.GetValue(system), args.GetValue(words)!, sampling.Read(args) with { MaxTokens = args.GetValue(tokens) }));
        return command;
    }

    static int Run(string path, string? system, string words, SamplingOptions options)
    {
        options.Checked();
        var folder = StageArguments.Load(path);
        if (folder.Tokenizer is not { } tokenizer) throw new IngotException($"{path} has no tokenizer.json");
        if (!ChatFormat.Fits(tokenizer))
            throw new IngotException($"the tokenizer of {path} has none of the special tokens of Ingot's chat format, which this command and its calculator are for. Models with a chat template, and those that continue texts: ingot run {path}");
        using var session = new ChatSession(folder.Model, tokenizer) { System = system };
        using var output = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false)) { AutoFlush = true };
        if (!Console.IsInputRedirected) output.WriteLine($"{Path.GetFileName(path)}: {folder.Model.Config.ParameterCount:N0} parameters, context {folder.Model.ContextLength:N0}. /help lists the commands.");
        while (TerminalInput.Read(output) is { } text)
        {
            if (StopSignal.Token.IsCancellationRequested) return StopSignal.ExitCode;
            if (text.Trim().Length == 0) continue;
            if (text.StartsWith('/'))
            {
                if (!Obey(text.Trim(), session, output)) break;
                continue;
            }
            try
            {
                foreach (var part in session.Say(text, options, words, StopSignal.Token))
                    output.Write(part.Kind switch { PartKind.ToolCall => $"[{part.Text}", PartKind.ToolResult => $" = {part.Text}]", _ => part.Text });
                output.WriteLine(session.Finish switch { Finish.MaxTokens => " [...]", Finish.Context => " [the context is full]", _ => "" });
            }
            catch (IngotException e) { Console.Error.WriteLine($"ingot: {e.Message}"); }
        }
        return StopSignal.Token.IsCancellationRequested ? StopSignal.ExitCode : 0;
    }

    /// <summary>Does what a command says.</summary>
    /// <returns>False if it was to end.</returns>
    static bool Obey(string line, ChatSession session, StreamWriter output)
    {
        int space = line.IndexOf(' ');
        var (name, rest) = space < 0 ? (line, "") : (line[..space], line[space..].Trim());
        try
        {
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
        }
        catch (IngotException e) { Console.Error.WriteLine($"ingot: {e.Message}"); }
        return true;
    }
}
