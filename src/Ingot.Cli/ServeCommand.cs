using System.CommandLine;
using Ingot.Llm.Generation;
using Ingot.Llm.Models;
using Ingot.Llm.Serving;
using Ingot.Server;

namespace Ingot.Cli;

/// <summary><c>ingot serve</c>: models behind OpenAI's API and a chat page.</summary>
sealed class ServeCommand
{
    readonly Argument<string[]> models = new("MODEL") { Arity = ArgumentArity.OneOrMore, Description = "Models: folders of Hugging Face's format, of a stage or a run; GGUF files. NAME=MODEL gives one another name. The first answers where a request names none." };
    readonly Option<int> port = Options.Number("--port", "-p", "0: any that is free.", 8080);
    readonly Option<string> host = new("--host") { Description = "An address of this machine; * for all of them. Any but loopback needs a key.", DefaultValueFactory = _ => "localhost" };
    readonly Option<string?> key = new("--api-key") { Description = "What callers must show (Authorization: Bearer KEY). The variable INGOT_API_KEY does the same, and is not in the list of processes." };
    readonly Option<int> slots = Options.Number("--slots", null, "Texts that are written side by side.", new ServingOptions().Slots);
    readonly Option<int> queue = Options.Number("--max-queue", null, "Texts that wait for a slot; more are refused with 429.", new ServingOptions().MostWaiting);
    readonly ModelArguments loading = new();
    readonly Option<string> cacheType = new("--cache-type") { Description = "How keys and values are kept: fp32, bf16 (half the memory) or int8 (a quarter).", DefaultValueFactory = _ => "fp32" };
    readonly Option<int?> cacheBytes = Options.Number<int>("--kv-memory", "The most megabytes of keys and values of texts that are being written; half of the memory if not given.");
    readonly Option<string?> draft = new("--draft") { Description = "What guesses tokens to come, which the model then checks side by side: a smaller MODEL with the same tokens, or lookup, which finds them earlier in the text. What is written stays the same." };
    readonly Option<int> prefixes = Options.Number("--prefix-cache", null, "Megabytes of keys and values that are kept in memory, for prompts that begin as earlier ones did; 0: none.", (int)(new ServingOptions().PrefixBytes >> 20));
    readonly Option<string?> prefixFolder = new("--prefix-folder") { Description = "A folder where they are kept across restarts, too." };
    readonly Option<long> bytes = Options.Number("--max-body", null, "The most bytes of a request.", new ServerOptions().MostBytes);
    readonly Option<string?> feedback = new("--feedback") { Description = "Where the page's thumbs and edits are kept, for ingot sft --data and ingot dpo --data; feedback.jsonl in the folder where the command runs if not given, - for nowhere." };
    readonly Option<string[]> mcp = new("--mcp") { Description = "A server of tools, NAME=COMMAND or NAME=http://...; may be given several times. The page shows each call and asks before it runs.", DefaultValueFactory = _ => [] };
    readonly Option<double> patience = Options.Number("--patience", null, "Seconds that answers may go on when the server is stopped.", 10.0);

    public static Command Create()
    {
        var c = new ServeCommand();
        var command = new Command("serve", "Serve models: an OpenAI-compatible API and a chat page.") { c.models, c.port, c.host, c.key, c.cacheType, c.cacheBytes, c.draft, c.slots, c.queue, c.prefixes, c.prefixFolder, c.bytes, c.feedback, c.mcp, c.patience };
        c.loading.AddTo(command);
        command.SetAction((args, _) => c.Run(args));
        return command;
    }

    async Task<int> Run(ParseResult args)
    {
        var options = new ServerOptions
        {
            Host = args.GetValue(host)!,
            Port = args.GetValue(port),
            ApiKey = args.GetValue(key) ?? (Environment.GetEnvironmentVariable("INGOT_API_KEY") is { Length: > 0 } variable ? variable : null),
            MostBytes = args.GetValue(bytes),
            FeedbackFile = args.GetValue(feedback) switch { null => "feedback.jsonl", "-" => null, var path => path },
            Patience = TimeSpan.FromSeconds(Math.Clamp(args.GetValue(patience), 0, 3600)),
        };
        options.Check(); // before models are loaded
        var serving = new ServingOptions { CacheType = CacheTypeOf(args.GetValue(cacheType)!), KvBytes = args.GetValue(cacheBytes) is { } megabytes ? (long)megabytes << 20 : null, Slots = args.GetValue(slots), MostWaiting = args.GetValue(queue), PrefixBytes = (long)args.GetValue(prefixes) << 20, PrefixFolder = args.GetValue(prefixFolder) }.Checked();
        var load = loading.Read(args);
        if (load.Tokenizer is not null && args.GetValue(models)!.Length > 1) throw new IngotException("--tokenizer is for one model; start a server for each");
        List<ServedModel> served = [];
        await using var tools = args.GetValue(mcp) is { Length: > 0 } definitions ? await ToolServers.ConnectAsync(definitions, StopSignal.Token) : null;
        try
        {
            foreach (var model in args.GetValue(models)!) served.Add(Load(model, args.GetValue(draft), serving, load));
            await using var server = await IngotServer.StartAsync(options with { Tools = tools }, served);
            foreach (var model in served) Console.WriteLine($"{model.Name}: {model.Model.Config.ParameterCount:N0} parameters, context {model.ContextLength:N0}{(model.ChatPrompt is null ? ", no chat template: it continues texts" : "")}");
            if (tools is not null) Console.WriteLine($"tools: {string.Join(", ", tools.Names)}");
            Console.WriteLine($"page {server.Address}   API {server.Address}v1   Ctrl-C stops");
            try { await Task.Delay(Timeout.Infinite, StopSignal.Token); }
            catch (OperationCanceledException) { await Console.Error.WriteLineAsync($"ingot: stopping; answers may go on for {options.Patience.TotalSeconds:N0} s, a second Ctrl-C ends them"); }
            await server.StopAsync();
            return 0;
        }
        finally
        {
            foreach (var model in served) await model.DisposeAsync();
        }
    }

    /// <exception cref="IngotException">There is none of this name.</exception>
    static CacheType CacheTypeOf(string name) => name switch
    {
        "fp32" or "f32" => CacheType.F32,
        "bf16" => CacheType.BF16,
        "int8" => CacheType.Int8,
        _ => throw new IngotException($"--cache-type is fp32, bf16 or int8, not '{name}'"),
    };

    static ServedModel Load(string argument, string? draft, ServingOptions options, LoadOptions load)
    {
        if (draft == "lookup") options = options with { Drafting = () => new PromptLookup() };
        else if (draft is not null) options = options with { Draft = LoadedModel.Load(draft) }; // one a model: each has a thread of its own
        int equals = argument.IndexOf('=');
        var (name, path) = equals > 0 && !Path.Exists(argument) ? (argument[..equals], argument[(equals + 1)..]) : (null, argument);
        return ServedModel.Load(path, options, name, load);
    }
}
