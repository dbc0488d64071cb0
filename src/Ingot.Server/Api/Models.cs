using System.Text.Json.Nodes;
using Ingot.Llm.Generation;
using Ingot.Llm.Serving;
using Microsoft.AspNetCore.Http;

namespace Ingot.Server.Api;

/// <summary>The models that are served, and /v1/models.</summary>
sealed class Models(IReadOnlyList<ServedModel> all)
{
    public IReadOnlyList<ServedModel> All => all;

    /// <summary>The model of a name; the first one where a request names none.</summary>
    /// <exception cref="ApiException">There is none of that name.</exception>
    public ServedModel Find(string? name) => name is null ? all[0] : all.FirstOrDefault(m => m.Name == name)
        ?? throw new ApiException(404, $"the model '{(name.Length > 100 ? name[..100] + "..." : name)}' does not exist; there {(all.Count == 1 ? "is" : "are")} {string.Join(", ", all.Select(m => m.Name))}", "model_not_found", "model");

    public Task List(HttpContext context) => Json.SendAsync(context, new JsonObject { ["object"] = "list", ["data"] = new JsonArray([.. all.Select(Describe)]) });

    public Task One(HttpContext context, string name) => Json.SendAsync(context, Describe(Find(name)));

    static JsonObject Describe(ServedModel model) => new()
    {
        ["id"] = model.Name,
        ["object"] = "model",
        ["created"] = model.Created.ToUnixTimeSeconds(),
        ["owned_by"] = "ingot",
        ["context_length"] = model.ContextLength,
        ["family"] = model.Model.Config.Family,
        ["parameters"] = model.Model.Config.ParameterCount,
        ["chat"] = model.ChatPrompt is not null,
        ["sampling"] = Sampling(model.SamplingDefaults.Options(0)), // where a request does not say
    };

    static JsonObject Sampling(SamplingOptions standard) => new()
    {
        ["temperature"] = standard.Temperature,
        ["top_p"] = standard.TopP,
        ["top_k"] = standard.TopK,
        ["min_p"] = standard.MinP,
        ["repetition_penalty"] = standard.RepetitionPenalty,
    };
}
