using Ingot.Llm.Chat;
using Ingot.Llm.Constraints;
using Ingot.Llm.Generation;
using Ingot.Llm.Models;
using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Serving;

/// <summary>A model that answers many callers at once: conversations, texts to be continued, embeddings. Safe for use from several threads at once.</summary>
public sealed class ServedModel : IAsyncDisposable
{
    readonly Lazy<TokenConstraints> constraints;
    readonly IReadOnlyList<int> turnEnds;
    readonly int vocabulary;
    readonly Lazy<Embedder> embedder;
    readonly PrefixStore? store;
    readonly Engine? drafts; // of the smaller model; the loop's

    /// <param name="name">What callers call it.</param>
    /// <param name="model">The weights, which must not change any more.</param>
    /// <param name="tokenizer">Of the model.</param>
    /// <param name="chat">How conversations become tokens; null: the model only continues texts.</param>
    /// <param name="options">How much it takes on.</param>
    /// <param name="identity">Which weights these are, for prefixes kept on disk; null: found out from the weights.</param>
    public ServedModel(string name, Decoder model, Tokenizer tokenizer, ChatPrompt? chat, ServingOptions? options = null, Func<string>? identity = null)
    {
        (Name, Model, Tokenizer, ChatPrompt) = (name, model, tokenizer, chat);
        options = (options ?? new()).Checked();
        store = options.PrefixFolder is { } folder ? new(folder, options.PrefixFolderBytes, identity?.Invoke() ?? ModelIdentity.Of(model)) : null;
        if (options.Draft is { } draft)
        {
            draft.RequireTokensOf(name, tokenizer);
            drafts = new(draft.Model, new EngineOptions { CacheType = options.CacheType });
            options = options with { Drafting = () => new DraftModel(drafts) };
        }
        Loop = new(new(model, new EngineOptions { CacheType = options.CacheType, PrefixBytes = options.PrefixBytes, Store = store }), options, Trim);
        embedder = new(() => new(model, new() { CacheType = options.CacheType }));
        turnEnds = chat?.EndTokens ?? [];
        vocabulary = Math.Min(tokenizer.VocabularySize, model.VocabularySize);
        constraints = new(() => new(tokenizer, [.. model.Config.EndTokens.Union(turnEnds)], chat?.ToolFormat));
    }

    /// <summary>A model from the files it comes in, as <see cref="LoadedModel.Load"/> takes them.</summary>
    /// <param name="path">The file or folder.</param>
    /// <param name="options">How much it takes on.</param>
    /// <param name="name">What callers call it; null: as the file or folder is called.</param>
    /// <param name="load">How the files are to be taken; a context given here comes before the options'.</param>
    /// <exception cref="IngotException">There is no model, it has no tokenizer, or it is damaged.</exception>
    public static ServedModel Load(string path, ServingOptions? options = null, string? name = null, LoadOptions? load = null)
    {
        load ??= new();
        var loaded = LoadedModel.Load(path, load with { ContextLength = load.ContextLength ?? options?.ContextLength });
        var chat = loaded.IsChat ? ChatPrompt.Of(loaded.Tokenizer, loaded.ChatTemplate, new() { BeginToken = loaded.BeginToken, EndTokens = loaded.EndTokens }) : null;
        return new(name ?? loaded.Name, loaded.Model, loaded.Tokenizer, chat, options, () => ModelIdentity.OfFiles(loaded.Files)) { SamplingDefaults = loaded.Sampling };
    }

    /// <summary>What callers call it.</summary>
    public string Name { get; }

    /// <summary>When it was made ready.</summary>
    public DateTimeOffset Created { get; } = DateTimeOffset.UtcNow;

    public Decoder Model { get; }

    /// <summary>How tokens are chosen where a caller does not say.</summary>
    public SamplingDefaults SamplingDefaults { get; init; } = SamplingDefaults.None;

    public Tokenizer Tokenizer { get; }

    /// <summary>Null: the model only continues texts.</summary>
    public ChatPrompt? ChatPrompt { get; }

    public ServingLoop Loop { get; }

    /// <summary>The most tokens of a prompt and what follows.</summary>
    public int ContextLength => Model.ContextLength;

    /// <summary>Begins to answer a conversation.</summary>
    /// <returns>As many answers as were asked for; each is to be read or disposed.</returns>
    /// <exception cref="IngotException">The model has no chat format, the conversation does not fit, the schema cannot be honoured, or a number is out of range.</exception>
    /// <exception cref="QueueFullException">Too much waits already.</exception>
    public IReadOnlyList<ChatAnswer> Ask(ChatCall call)
    {
        if (ChatPrompt is not { } chat) throw new IngotException($"the model {Name} has no chat template: it continues texts (/v1/completions), it was not made for conversations");
        var tools = call.Choice.Kind == ToolChoiceKind.None ? [] : call.Tools;
        bool isForced = call.Choice.Kind == ToolChoiceKind.Required && tools.Count > 0;
        var prompt = chat.Render(call.Turns, tools.Count > 0 ? tools : null, addGenerationPrompt: true, call.Prefill, call.Variables);
        var constraint = isForced ? constraints.Value.JsonSchema(CallSchema.Of(tools, call.Choice.Name))
            : call.Form is null ? null
            : tools.Count > 0 ? constraints.Value.FormOrCalls(call.Form, tools, call.AllowsParallelCalls) : constraints.Value.Of(call.Form);
        if (constraint is not null) prompt = ThoughtClosed(prompt, call.Prefill);
        RequireFit(prompt.Length);
        // A call that must be made is JSON, whatever it looks like to the family's parser.
        var readable = isForced ? null : tools;
        var sequences = Loop.Submit(new TextRequest(prompt, Sampling(call.Sampling, turnEnds, constraint), call.Count));
        return [.. sequences.Select(s => new ChatAnswer(s, chat.NewReader(constraint is null ? prompt : null, readable, call.Sampling.Stop), call, isForced))];
    }

    /// <summary>
    /// The prompt of an answer whose form is given. Templates of models that think may open a thought in the prompt; the form holds from the first token on, so the
    /// thought is ended there, empty, as these models write it.
    /// </summary>
    int[] ThoughtClosed(int[] prompt, string? prefill)
    {
        const string Begin = "<think>", End = "</think>";
        string tail = Tokenizer.Decode([.. prompt.TakeLast(16)], skipSpecial: false);
        bool isOpen = tail.TrimEnd().EndsWith(Begin, StringComparison.Ordinal)
            || prefill is not null && prefill.LastIndexOf(Begin, StringComparison.Ordinal) > prefill.LastIndexOf(End, StringComparison.Ordinal);
        return isOpen ? [.. prompt, .. Tokenizer.Encode($"\n{End}\n\n", addSpecial: false, parseSpecial: true)] : prompt;
    }

    /// <summary>Begins to continue texts.</summary>
    /// <param name="prompts">Tokens of each; an empty one becomes the token that begins texts.</param>
    /// <param name="sampling">How to choose.</param>
    /// <param name="count">Continuations of each.</param>
    /// <param name="endTokens">Tokens that end these texts, beside those that end all texts of the model.</param>
    /// <returns>The first text's continuations, then the second's, ...</returns>
    /// <exception cref="IngotException">A text does not fit into the context, or a number is out of range.</exception>
    /// <exception cref="QueueFullException">Too much waits already.</exception>
    public IReadOnlyList<TextAnswer> Continue(IReadOnlyList<int[]> prompts, SamplingOptions sampling, int count = 1, IReadOnlyList<int>? endTokens = null)
    {
        foreach (var prompt in prompts) RequireFit(prompt.Length);
        var sequences = Loop.Submit([.. prompts.Select(p => new TextRequest(p.Length > 0 ? p : [BeginToken], Sampling(sampling, endTokens ?? [], null), count))]);
        return [.. sequences.Select(s => new TextAnswer(s, Tokenizer, sampling.Stop))];
    }

    /// <summary>What a text begins with.</summary>
    int BeginToken => Model.Config.BeginToken ?? (Tokenizer.BeginIds.Count > 0 ? Tokenizer.BeginIds[0] : Model.Config.EndTokens is [var end, ..] ? end : 0);

    /// <summary>Text as the tokens that the model expects of a whole text.</summary>
    public int[] Encode(string text) => Tokenizer.Encode(text, addSpecial: true, parseSpecial: false);

    /// <summary>A ready prompt: text in which special tokens are written as they are called. One that writes the token that begins texts does not get it twice.</summary>
    public int[] EncodePrompt(string text)
    {
        var tokens = Tokenizer.Encode(text, addSpecial: true, parseSpecial: true);
        return Tokenizer.BeginIds is [var begin] && tokens is [var first, var second, ..] && first == begin && second == begin ? tokens[1..] : tokens;
    }

    /// <summary>A vector of length 1 for each text.</summary>
    /// <param name="texts">Tokens of each, at least one.</param>
    /// <param name="pooling">How the tokens' vectors become one.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="IngotException">A text does not fit into the context.</exception>
    public async Task<IReadOnlyList<float[]>> EmbedAsync(IReadOnlyList<int[]> texts, Pooling pooling, CancellationToken cancellation = default)
    {
        foreach (var text in texts) RequireFit(text.Length);
        return await Loop.RunInPartsAsync(_ => embedder.Value.EmbedInSteps(texts, pooling), cancellation).ConfigureAwait(false);
    }

    /// <summary>The tokens of a text with their log-probabilities; the first has none.</summary>
    /// <param name="text">Tokens, at least one.</param>
    /// <param name="likeliest">How many of the likeliest are wanted at each place.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="IngotException">The text does not fit into the context.</exception>
    public Task<IReadOnlyList<ChosenToken>> ScoreAsync(int[] text, int likeliest, CancellationToken cancellation = default)
    {
        RequireFit(text.Length);
        return Loop.RunInPartsAsync(e => PromptScores.InSteps(e, text, vocabulary, likeliest), cancellation);
    }

    /// <summary>The bytes that a token stands for; a special one's are its name.</summary>
    public byte[] BytesOf(int token) => TokenTrie.BytesOf(Tokenizer, token) ?? [];

    SamplingOptions Sampling(SamplingOptions options, IReadOnlyList<int> endTokens, ITokenConstraint? constraint) =>
        options with { VocabularySize = vocabulary, EndTokens = endTokens, Constraint = constraint };

    void RequireFit(int length)
    {
        if (length >= ContextLength) throw new ContextLengthException(length, ContextLength);
    }

    /// <summary>Gives back what the loop's other engines keep; on the loop's thread.</summary>
    void Trim()
    {
        drafts?.Cache.Trim();
        if (embedder.IsValueCreated) embedder.Value.Trim();
    }

    public async ValueTask DisposeAsync()
    {
        await Loop.DisposeAsync().ConfigureAwait(false);
        store?.Dispose();
    }
}

/// <summary>A prompt leaves no room in the context.</summary>
public sealed class ContextLengthException(int tokens, int context) : IngotException($"the prompt has {tokens} tokens, but the model's context has room for {context}, the answer included");
