namespace Ingot.Llm.Tokenizers;

/// <summary>
/// What a model reads before the first word of a text. A model's config names a begin token even where texts never begin with it (Qwen2's, GPT-2's): the
/// tokenizer says whether they do. Ingot's own tokenizers do not say it; their models are trained with &lt;|bos|&gt; before every document.
/// </summary>
public static class TextBeginning
{
    /// <summary>The tokens before every text; mostly one or none.</summary>
    /// <param name="tokenizer">Of the model.</param>
    /// <param name="begin">The begin token of the model's config; null: there is none.</param>
    public static IReadOnlyList<int> Of(Tokenizer tokenizer, int? begin) => tokenizer.BeginIds.Count > 0 ? tokenizer.BeginIds : begin is { } id && tokenizer.TokenId("<|bos|>") == id ? [id] : [];

    /// <summary>A text to be continued. An empty one is the begin token, if there is any.</summary>
    /// <param name="tokenizer">Of the model.</param>
    /// <param name="text">May be empty.</param>
    /// <param name="begin">As above.</param>
    /// <returns>At least one token.</returns>
    /// <exception cref="IngotException">The text is empty, and no token begins one.</exception>
    public static int[] Encode(Tokenizer tokenizer, string text, int? begin)
    {
        var ids = tokenizer.Encode(text, addSpecial: true);
        if (tokenizer.BeginIds.Count == 0 && Of(tokenizer, begin) is [var first] && (ids.Length == 0 || ids[0] != first)) ids = [first, .. ids];
        if (ids.Length == 0 && begin is { } only) ids = [only];
        return ids.Length > 0 ? ids : throw new IngotException("the model has no token that a text begins with; give a prompt");
    }
}
