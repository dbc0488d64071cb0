using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ingot.Llm.Generation;
using Ingot.Llm.Serving;
using Microsoft.AspNetCore.Http;

namespace Ingot.Server.Api;

/// <summary>/v1/embeddings. The field "pooling", which OpenAI's has not, says "mean" (the standard) or "last".</summary>
sealed class EmbeddingEndpoint(Models models, ServerMetrics metrics, long mostBytes)
{
    const int MostInputs = 2048;

    public async Task Answer(HttpContext context)
    {
        using var body = await RequestBody.ReadAsync(context, mostBytes);
        var fields = new Fields(body.RootElement);
        var model = models.Find(fields.Text("model"));
        using var measured = metrics.Begin("embeddings", model.Name);
        var inputs = Inputs(fields, model);
        bool isBase64 = fields.Text("encoding_format") switch
        {
            null or "float" => false,
            "base64" => true,
            var other => throw ApiException.Invalid("encoding_format", $"'encoding_format' is '{other}'; there are float and base64"),
        };
        var pooling = fields.Text("pooling") switch
        {
            null or "mean" => Pooling.Mean,
            "last" => Pooling.LastToken,
            var other => throw ApiException.Invalid("pooling", $"'pooling' is '{other}'; there are mean and last"),
        };
        int width = model.Model.Config.Width, dimensions = fields.Whole("dimensions", 1, width) ?? width;
        var vectors = await model.EmbedAsync(inputs, pooling, context.RequestAborted);
        int tokens = inputs.Sum(i => i.Length);
        await Json.SendAsync(context, new JsonObject
        {
            ["object"] = "list",
            ["data"] = new JsonArray([.. vectors.Select((v, i) => new JsonObject { ["object"] = "embedding", ["index"] = i, ["embedding"] = Write(Shortened(v, dimensions), isBase64) })]),
            ["model"] = model.Name,
            ["usage"] = new JsonObject { ["prompt_tokens"] = tokens, ["total_tokens"] = tokens },
        });
        measured.End(tokens, 0);
    }

    static JsonNode Write(ReadOnlySpan<float> vector, bool isBase64)
    {
        if (isBase64) return Convert.ToBase64String(MemoryMarshal.AsBytes(vector)); // little-endian, as every machine that .NET runs on
        var numbers = new JsonArray();
        foreach (float v in vector) numbers.Add(v);
        return numbers;
    }

    /// <summary>The first dimensions, of length 1 again.</summary>
    static float[] Shortened(float[] vector, int dimensions)
    {
        if (dimensions == vector.Length) return vector;
        var part = vector[..dimensions];
        double norm = Math.Sqrt(part.Sum(v => (double)v * v));
        return norm == 0 ? part : [.. part.Select(v => (float)(v / norm))];
    }

    static List<int[]> Inputs(Fields fields, ServedModel model)
    {
        if (fields["input"] is not { } json) throw fields.Missing("input");
        if (json.ValueKind == JsonValueKind.String) return [Words(Fields.TextOf(json, "input"), "input", model)];
        var items = fields.Array("input")!;
        if (items.Count == 0) throw ApiException.Invalid("input", "'input' is empty");
        if (items[0].Json.ValueKind == JsonValueKind.Number) return [TokenIds.Read(items, "input", model)];
        if (items.Count > MostInputs) throw ApiException.Invalid("input", $"'input' has {items.Count} texts; at most {MostInputs} are allowed");
        return [.. items.Select(i => i.Json.ValueKind switch
        {
            JsonValueKind.String => Words(Fields.TextOf(i.Json, i.Path), i.Path, model),
            JsonValueKind.Array => TokenIds.Read(Fields.Items(i.Json, i.Path), i.Path, model),
            _ => throw Fields.Wrong(i.Path, "a string or an array of tokens", i.Json),
        })];
    }

    static int[] Words(string text, string path, ServedModel model) =>
        text.Length > 0 && model.Encode(text) is { Length: > 0 } tokens ? tokens : throw ApiException.Invalid(path, $"'{path}' is empty");
}
