using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using Ingot.Llm.Serving;

namespace Ingot.Server.Tests;

/// <summary>A server on a free port of this machine, with the scripted model, and a client that talks to it.</summary>
sealed class TestServer : IAsyncDisposable
{
    readonly IReadOnlyList<ServedModel> models;

    TestServer(IngotServer server, IReadOnlyList<ServedModel> models, string? key)
    {
        (Server, this.models) = (server, models);
        Client = new() { BaseAddress = server.Address };
        if (key is not null) Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
    }

    public IngotServer Server { get; }

    public HttpClient Client { get; }

    public ServedModel Model => models[0];

    public static Task<TestServer> StartAsync(ServerOptions? options = null, ServingOptions? serving = null) => StartAsync(options, [ScriptedModel.New(options: serving)]);

    public static async Task<TestServer> StartAsync(ServerOptions? options, IReadOnlyList<ServedModel> models)
    {
        options = (options ?? new()) with { Port = 0 };
        return new(await IngotServer.StartAsync(options, models), models, options.ApiKey);
    }

    public async Task<(int Status, JsonNode Json)> Post(string path, string json)
    {
        using var response = await Client.PostAsync(path, new StringContent(json, Encoding.UTF8, "application/json"));
        return ((int)response.StatusCode, (await response.Content.ReadFromJsonAsync<JsonNode>())!);
    }

    public Task<(int Status, JsonNode Json)> Chat(string words, string more = "") => Post("v1/chat/completions", $$"""{"model": "scripted", "messages": [{"role": "user", "content": "{{words}}"}]{{(more.Length > 0 ? ", " + more : "")}}}""");

    /// <summary>The data of a stream's events, "[DONE]" among them.</summary>
    public async Task<List<string>> Stream(string path, string json)
    {
        using var response = await Client.PostAsync(path, new StringContent(json, Encoding.UTF8, "application/json"));
        response.Content.Headers.ContentType!.MediaType.ShouldBe("text/event-stream", await response.Content.ReadAsStringAsync());
        return [.. (await response.Content.ReadAsStringAsync()).Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(e => e.StartsWith("data: ", StringComparison.Ordinal) ? e[6..] : throw new InvalidDataException(e))];
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Server.DisposeAsync();
        foreach (var model in models) await model.DisposeAsync();
    }
}

/// <summary>A server that the tests of a class share.</summary>
public sealed class SharedServer : IAsyncLifetime
{
    internal TestServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Server = await TestServer.StartAsync();

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}
