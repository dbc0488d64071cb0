using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Ingot.Llm.Chat;
using Ingot.Llm.Generation;
using Ingot.Llm.Models;
using Ingot.Llm.Tokenizers;
using Ingot.Runtime;

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
    readonly ModelArguments loading = new();
    readonly SamplingArguments sampling = new(temperature: 0.7);

    /// <summary>The command, for what is to be run: ONNX's models take other options.</summary>
    /// <param name="args">The words of the command line.</param>
    public static Command Create(string[] args)
    {
        var onnx = OnnxRun.Create("run");
        // By the model alone: a prompt or a file of either command may end so too.
        if (args is ["run", ..] && onnx.Parse(args[1..]).GetValue<string?>("MODEL")?.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase) == true) return onnx;
        var c = new RunCommand();
        var command = new Command("run", "Run a model from its files: chat with a language model, or let it continue a text; .onnx files are run and timed (options: ingot onnx run --help).") { c.model, c.prompt, c.system, c.prefill, c.tokens, c.raw, c.stats };
        c.loading.AddTo(command);
        c.sampling.AddTo(command);
        command.SetAction(c.Run);
        return command;
    }

    int Run(ParseResult args)
    {
        string path = args.GetValue(model)!;
        var options = (sampling.Read(args) with { MaxTokens = args.GetValue(tokens) }).Checked();
        var loaded = LoadedModel.Load(path, loading.Read(args));
        options = options with { VocabularySize = loaded.Tokenizer.VocabularySize };
        using var output = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false)) { AutoFlush = true };
        if (loaded.IsChat && !args.GetValue(raw)) Chat(loaded, args, options, output);
        else Complete(loaded, args, options, output);
        return StopSignal.Token.IsCancellationRequested ? StopSignal.ExitCode : 0;
    }

    void Complete(LoadedModel loaded, ParseResult args, SamplingOptions options, StreamWriter output)
    {
        if (args.GetValue(system) is not null) throw new IngotException($"--system needs a model for conversations; {loaded.Name} continues texts");
        var tokenizer = loaded.Tokenizer;
        string text = args.GetValue(prompt) ?? (Console.IsInputRedirected ? Console.In.ReadToEnd() : "");
        int[] start = TextBeginning.Encode(tokenizer, text, loaded.BeginToken);
        output.Write(text);
        var speed = new RunSpeed(loaded);
        var stream = new TextStream(tokenizer, options.Stop);
        foreach (int token in speed.Tokens(new Engine(loaded.Model), start, options))
        {
            output.Write(stream.Add(token));
            if (stream.IsStopped) break;
        }
        output.WriteLine(stream.End());
        if (args.GetValue(stats)) speed.Write();
    }

    void Chat(LoadedModel loaded, ParseResult args, SamplingOptions options, StreamWriter output)
    {
        var format = ChatPrompt.Of(loaded.Tokenizer, loaded.ChatTemplate, new() { BeginToken = loaded.BeginToken, EndTokens = loaded.EndTokens });
        // What was said before is taken from the cache.
        var engine = new Engine(loaded.Model, new EngineOptions { PrefixBytes = 512L << 20 });
        var speed = new RunSpeed(loaded);
        List<ChatTurn> turns = args.GetValue(system) is { } told ? [new("system", told)] : [];
        bool isOne = args.GetValue(prompt) is not null;
        if (!isOne && !Console.IsInputRedirected) output.WriteLine($"{loaded.Name}: {loaded.Family}, {loaded.Model.Config.ParameterCount:N0} parameters, context {loaded.Model.ContextLength:N0}. /reset forgets, /exit ends.");
        while ((isOne ? args.GetValue(prompt) : TerminalInput.Read(output)) is { } text && !StopSignal.Token.IsCancellationRequested)
        {
            if (text.Trim() is "/exit" or "/quit") break;
            if (text.Trim() == "/reset") turns.RemoveAll(t => t.Role != "system");
            else if (text.Trim().Length > 0)
            {
                turns.Add(new("user", text));
                try { turns.Add(new("assistant", Answer(engine, format, turns, args.GetValue(prefill), options, speed, output))); }
                catch (IngotException e) when (!isOne)
                {
                    turns.RemoveAt(turns.Count - 1);
                    Console.Error.WriteLine($"ingot: {e.Message}");
                }
            }
            if (isOne) break;
        }
        if (args.GetValue(stats)) speed.Write();
    }

    static string Answer(Engine engine, ChatPrompt format, List<ChatTurn> turns, string? words, SamplingOptions options, RunSpeed speed, StreamWriter output)
    {
        var ids = format.Render(turns, addGenerationPrompt: true, prefill: words);
        var reader = format.NewReader(ids, stop: options.Stop);
        var said = new StringBuilder(words);
        output.Write(words);
        bool isThinking = false;
        foreach (int token in speed.Tokens(engine, ids, options))
        {
            if (format.EndTokens.Contains(token)) break;
            Show(reader.Add(token));
            if (reader.IsStopped || StopSignal.Token.IsCancellationRequested) break;
        }
        Show(reader.Finish());
        output.WriteLine();
        return said.ToString();

        void Show(IReadOnlyList<AssistantEvent> events)
        {
            foreach (var e in events)
            {
                if (e is ReasoningDelta != isThinking && e is ReasoningDelta or ContentDelta)
                {
                    isThinking = e is ReasoningDelta;
                    output.Write(isThinking ? "[thinking] " : "\n[answer] ");
                }
                if (e is ContentDelta { Text: var text }) said.Append(text);
                output.Write(e switch { ContentDelta c => c.Text, ReasoningDelta r => r.Text, ToolCallEnded t => $"[{t.Call.Name} {t.Call.Arguments}]", _ => "" });
            }
        }
    }
}

/// <summary>Tokens as they are chosen, and the time they take.</summary>
sealed class RunSpeed(LoadedModel loaded)
{
    int written, steps;
    double promptSeconds, writingSeconds;

    /// <summary>Tokens of prompts that were computed; others came from the cache.</summary>
    public int Prompts { get; private set; }

    /// <summary>What follows a prompt, without the token that ends the text.</summary>
    public IEnumerable<int> Tokens(Engine engine, int[] prompt, SamplingOptions options)
    {
        using var sequence = engine.Start(prompt, options);
        int given = prompt.Length;
        long start = Stopwatch.GetTimestamp();
        bool isFirst = true;
        while (!sequence.IsDone && !StopSignal.Token.IsCancellationRequested)
        {
            engine.Step();
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            start = Stopwatch.GetTimestamp();
            if (isFirst) promptSeconds += seconds;
            else
            {
                writingSeconds += seconds;
                steps++;
            }
            if (sequence.Tokens.Count > given && isFirst) (isFirst, Prompts) = (false, Prompts + prompt.Length - sequence.Reused);
            else if (!isFirst) written += sequence.Tokens.Count - given;
            for (; given < sequence.Tokens.Count; given++)
                if (!(sequence.Finish == Finish.EndToken && given == sequence.Tokens.Count - 1)) yield return sequence.Tokens[given];
            start = Stopwatch.GetTimestamp(); // what is done with the token is not the model's time
        }
    }

    /// <summary>The figures, on standard error.</summary>
    public void Write()
    {
        string Number(double value) => value.ToString("N1", CultureInfo.InvariantCulture);
        Console.Error.WriteLine($"prompt: {Prompts} tokens, {Number(Prompts / Math.Max(promptSeconds, 1e-9))} a second");
        if (steps == 0) return;
        double read = loaded.BytesReadPerToken, rate = read * steps / writingSeconds / 1e9, peak = Peaks.Measure().ReadGBs;
        Console.Error.WriteLine($"writing: {written} tokens, {Number(written / writingSeconds)} a second; {Number(read / 1e6)} MB of weights read a token, {Number(rate)} GB/s, {Number(100 * rate / peak)}% of the {Number(peak)} GB/s measured now");
    }
}
