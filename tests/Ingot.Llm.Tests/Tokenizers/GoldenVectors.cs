using System.IO.Compression;
using System.Text.Json;
using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Tests.Tokenizers;

/// <summary>The golden files of shared/data/tokenizers, and the tokenizers that they are of.</summary>
static class GoldenVectors
{
    public static JsonDocument Read(string encoding) => JsonDocument.Parse(File.ReadAllBytes(SharedData.Path($"tokenizers/golden-{encoding}.json")));

    public static int[] Ids(JsonElement list) => [.. list.EnumerateArray().Select(e => e.GetInt32())];

    /// <summary>A text of the file, lone surrogates kept.</summary>
    public static string Text(JsonElement text)
    {
        // GetString refuses escapes of lone surrogates, which these files have on purpose.
        string raw = text.GetRawText();
        var result = new System.Text.StringBuilder();
        for (int i = 1; i < raw.Length - 1; i++)
        {
            if (raw[i] != '\\') result.Append(raw[i]);
            else if (raw[++i] == 'u')
            {
                result.Append((char)Convert.ToInt32(raw.Substring(i + 1, 4), 16));
                i += 4;
            }
            else result.Append(raw[i] switch { 'n' => '\n', 'r' => '\r', 't' => '\t', 'b' => '\b', 'f' => '\f', var c => c });
        }
        return result.ToString();
    }

    public static byte[] Unzipped(string file)
    {
        using var zipped = new GZipStream(File.OpenRead(SharedData.Path(file)), CompressionMode.Decompress);
        using var plain = new MemoryStream();
        zipped.CopyTo(plain);
        return plain.ToArray();
    }

    /// <summary>GPT-2 in its original form, as a tokenizer.json.</summary>
    public static byte[] Gpt2Json()
    {
        using var vocabulary = JsonDocument.Parse(File.ReadAllBytes(SharedData.Path("tokenizers/gpt2_vocab.json")));
        var merges = File.ReadLines(SharedData.Path("tokenizers/gpt2_merges.txt")).Where(l => l.Length > 0 && !l.StartsWith("#version", StringComparison.Ordinal));
        return JsonSerializer.SerializeToUtf8Bytes(new
        {
            added_tokens = new[] { new { id = 50256, content = "<|endoftext|>", special = true, normalized = false } },
            pre_tokenizer = new { type = "ByteLevel", add_prefix_space = false },
            decoder = new { type = "ByteLevel" },
            model = new { type = "BPE", vocab = vocabulary.RootElement, merges },
        });
    }

    public static Tokenizer Load(string encoding) => encoding switch
    {
        "gpt2" => TokenizerFile.FromJson(Gpt2Json(), "gpt2"),
        "qwen3" => TokenizerFile.FromJson(Unzipped("tokenizers/qwen3-tokenizer.json.gz"), "qwen3"),
        "mistral_v1" => TokenizerFile.FromJson(Unzipped("tokenizers/mistral-v1-tokenizer.json.gz"), "mistral"),
        "bert_base_uncased" => TokenizerFile.Load(SharedData.Path("tokenizers/bert-base-uncased-vocab.txt")),
        _ => TokenizerFile.Load(SharedData.Path($"tokenizers/{encoding}.tiktoken")),
    };
}
