using System.CommandLine;
using System.Text;
using Ingot.Llm.Generation;
using Ingot.Llm.Models;
using Ingot.Llm.Tokenizers;

namespace Ingot.Cli;

/// <summary><c>ingot run</c>: a language model from the files it comes in: a conversation if it was trained for that, otherwise the continuation of a text. ONNX's models: <see cref="OnnxRun"/>.</summary>
sealed class RunCommand
{
    readonly Argument<string> model = new("MODEL") { Description = "A folder of Hugging Face's, a .gguf file, llama2.c's .bin, a folder that speedrun made, or an .onnx file." };
    readonly Argument<string?> prompt = new("PROMPT") { Description = "What to say, or the text to continue; without it: a conversation, or text from standard input.", Arity = ArgumentArity.ZeroOrOne };
    readonly Option<string?> system = new("--system") { Description = "What the model is told about itself." };
    readonly Option<string?> prefill = new("--prefill") { Description = "What every answer begins with." };
    readonly Option<int> tokens = Options.Number("--max-tokens", "-n", "The most tokens of an answer or a continuation.", 512);
    readonly Option<bool> raw = new("--raw") { Description = "Continue the text as it is, also with a model for conversations." };
    readonly Option<bool> stats = new("--stats") { Description = "Tokens a second, bytes read a token and the share of the memory's bandwidth, on standard error." };
    readonly Option<string?> draft = new("--draft") { Description = "What guesses tokens to come: a smaller MODEL with the same tokens, or lookup, which finds them earlier in the text. What is written stays the same." };
    readonly ModelArguments loading = new();
    readonly SamplingArguments sampling = new();

    /// <summary>The command, for what is to be run: ONNX's models take other options.</summary>
    /// <param name="args">The words of the command line.</param>
    public static Command Create(string[] args)
    {
        var onnx = OnnxRun.Create("run");
        // By the model alone: a prompt or a file of either command may end so too.
        if (args is ["run", ..] && onnx.Parse(args[1..]).GetValue<string?>("MODEL")?.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase) == true) return onnx;
        var c = new RunCommand();
        var command = new Command("run", "Run a model from its files: chat with a language model, or let it continue a text; .onnx files are run and timed (options: ingot onnx run --help).") { c.model, c.prompt, c.system, c.prefill, c.tokens, c.raw, c.draft, c.stats };
        c.loading.AddTo(command);
        c.sampling.AddTo(command);
        command.SetAction(c.Run);
        return command;
    }

    int Run(ParseResult args)
    {
        string path = args.GetValue(model)!;
        var loaded = LoadedModel.Load(path, loading.Read(args));
        var options = (sampling.Read(args, loaded.Sampling) with { MaxTokens = args.GetValue(tokens), VocabularySize = loaded.Tokenizer.VocabularySize }).Checked();
        using var drafter = DrafterOf(args.GetValue(draft), loaded);
        var speed = new RunSpeed(loaded);
        using var output = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false)) { AutoFlush = true };
        if (loaded.IsChat && !args.GetValue(raw)) Chat(loaded, args, options, speed, drafter.Drafter, output);
        else Complete(loaded, args, options, speed, drafter.Drafter, output);
        if (args.GetValue(stats)) speed.Write();
        return StopSignal.Token.IsCancellationRequested ? StopSignal.ExitCode : 0;
    }

    /// <summary>What guesses, and what is to be disposed with it.</summary>
    readonly record struct Guessing(IDrafter? Drafter) : IDisposable
    {
        public void Dispose() => (Drafter as IDisposable)?.Dispose();
    }

    static Guessing DrafterOf(string? name, LoadedModel loaded)
    {
        if (name is null) return new(null);
        if (name == "lookup") return new(new PromptLookup());
        var small = LoadedModel.Load(name);
        small.RequireTokensOf(loaded.Name, loaded.Tokenizer);
        return new(new DraftModel(new Engine(small.Model)));
    }

    void Complete(LoadedModel loaded, ParseResult args, SamplingOptions options, RunSpeed speed, IDrafter? drafter, StreamWriter output)
    {
        if (args.GetValue(system) is not null) throw new IngotException($"--system needs a model for conversations; {loaded.Name} continues texts");
        var tokenizer = loaded.Tokenizer;
        string text = args.GetValue(prompt) ?? (Console.IsInputRedirected ? Console.In.ReadToEnd() : "");
        int[] start = TextBeginning.Encode(tokenizer, text, loaded.BeginToken);
        output.Write(text);
        var stream = new TextStream(tokenizer, options.Stop);
        foreach (int token in speed.Tokens(new Engine(loaded.Model), start, options, drafter))
        {
            output.Write(stream.Add(token));
            if (stream.IsStopped) break;
        }
        output.WriteLine(stream.End());
    }

    void Chat(LoadedModel loaded, ParseResult args, SamplingOptions options, RunSpeed speed, IDrafter? drafter, StreamWriter output)
    {
        using var session = ChatTerminal.SessionOf(loaded, speed, drafter);
        session.System = args.GetValue(system);
        var terminal = new ChatTerminal(session, options, args.GetValue(prefill), output);
        if (args.GetValue(prompt) is { } text) terminal.Say(text);
        else terminal.Talk(loaded);
    }
}
