using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Ingot.Server.Tests.Api;

public class ErrorTests(SharedServer shared) : IClassFixture<SharedServer>
{
    readonly TestServer server = shared.Server;

    static void ShouldBeError(JsonNode json, string? parameter = null, string? words = null)
    {
        var error = json["error"].ShouldNotBeNull().AsObject();
        error.Select(p => p.Key).ShouldBe(["message", "type", "param", "code"], ignoreOrder: true);
        error["message"]!.GetValue<string>().ShouldNotBeNullOrWhiteSpace();
        if (parameter is not null) error["param"]!.GetValue<string>().ShouldBe(parameter);
        if (words is not null) error["message"]!.GetValue<string>().ShouldContain(words);
    }

    [Theory]
    [InlineData("""{"messages": []}""", "messages")]
    [InlineData("{}", "messages")]
    [InlineData("""{"messages": "hi"}""", "messages")]
    [InlineData("""{"messages": [1]}""", "messages[0]")]
    [InlineData("""{"messages": [{"content": "hi"}]}""", "messages[0].role")]
    [InlineData("""{"messages": [{"role": "wizard", "content": "hi"}]}""", "messages[0].role")]
    [InlineData("""{"messages": [{"role": "user"}]}""", "messages[0].content")]
    [InlineData("""{"messages": [{"role": "user", "content": 5}]}""", "messages[0].content")]
    [InlineData("""{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}""", "messages[0].content[0].type")]
    [InlineData("""{"temperature": "hot"}""", "temperature")]
    [InlineData("""{"temperature": 3}""", "temperature")]
    [InlineData("""{"top_p": -1}""", "top_p")]
    [InlineData("""{"max_tokens": 0}""", "max_tokens")]
    [InlineData("""{"max_tokens": 1.5}""", "max_tokens")]
    [InlineData("""{"max_tokens": 1e99}""", "max_tokens")]
    [InlineData("""{"n": 100}""", "n")]
    [InlineData("""{"stream": "yes"}""", "stream")]
    [InlineData("""{"seed": 0.5}""", "seed")]
    [InlineData("""{"stop": [1]}""", "stop[0]")]
    [InlineData("""{"stop": {"a": 1}}""", "stop")]
    [InlineData("""{"logit_bias": {"x": 1}}""", "logit_bias")]
    [InlineData("""{"logit_bias": {"5": 101}}""", "logit_bias.5")]
    [InlineData("""{"top_logprobs": 3}""", "top_logprobs")]
    [InlineData("""{"response_format": {"type": "xml"}}""", "response_format.type")]
    [InlineData("""{"response_format": {"type": "json_schema"}}""", "response_format.json_schema")]
    [InlineData("""{"tools": [{"type": "function"}]}""", "tools[0].function")]
    [InlineData("""{"tools": [{"type": "function", "function": {"name": "no spaces"}}]}""", "tools[0].function.name")]
    [InlineData("""{"tool_choice": "required"}""", "tool_choice")]
    [InlineData("""{"tool_choice": {"type": "function", "function": {"name": "f"}}}""", "tool_choice.function.name")]
    [InlineData("""{"model": 5}""", "model")]
    public async Task Chat_WrongField_IsNamed(string fields, string parameter)
    {
        var json = JsonNode.Parse(fields)!.AsObject();
        if (fields != "{}" && !json.ContainsKey("messages")) json["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "hi" });
        var (status, answer) = await server.Post("v1/chat/completions", json.ToJsonString());
        status.ShouldBe(400, answer.ToJsonString());
        ShouldBeError(answer, parameter);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("""{"messages": [{"role": "user", "content": "\ud800"}]}""")]
    public async Task Chat_Malformed_Is400(string body)
    {
        var (status, json) = await server.Post("v1/chat/completions", body);
        status.ShouldBe(400);
        ShouldBeError(json);
    }

    [Fact]
    public async Task Chat_DeepJson_Is400()
    {
        var (status, json) = await server.Post("v1/chat/completions", new string('[', 100_000));
        status.ShouldBe(400);
        ShouldBeError(json);
    }

    [Fact]
    public async Task UnknownModel_Is404()
    {
        foreach (var path in new[] { "v1/chat/completions", "v1/completions", "v1/embeddings" })
        {
            var (status, json) = await server.Post(path, """{"model": "gpt-9", "messages": [{"role": "user", "content": "hi"}], "prompt": "a", "input": "a"}""");
            status.ShouldBe(404);
            ShouldBeError(json, "model", "gpt-9");
        }
        using var one = await server.Client.GetAsync("v1/models/gpt-9");
        one.StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    [Theory]
    [InlineData("GET", "v1/chat/completions", 405)]
    [InlineData("DELETE", "v1/models", 405)]
    [InlineData("PUT", "v1/models/scripted", 405)]
    [InlineData("POST", "health", 405)]
    [InlineData("OPTIONS", "v1/embeddings", 405)]
    [InlineData("GET", "v1/nothing", 404)]
    [InlineData("GET", "v1/models/", 404)]
    public async Task OtherPathOrMethod_IsSaid(string method, string path, int status)
    {
        using var response = await server.Client.SendAsync(new(new(method), path));
        ((int)response.StatusCode).ShouldBe(status);
        ShouldBeError((await response.Content.ReadFromJsonAsync<JsonNode>())!);
        if (status == 405) response.Content.Headers.Allow.ShouldNotBeEmpty();
    }

    [Fact]
    public async Task LongPrompt_IsAnErrorOfTheContext()
    {
        var (status, json) = await server.Chat(new string('a', 600));
        status.ShouldBe(400);
        json["error"]!["code"]!.GetValue<string>().ShouldBe("context_length_exceeded");
        ShouldBeError(json, words: "512");
    }

    [Fact]
    public async Task ForeignOriginOrHost_IsForbidden()
    {
        using var foreign = new HttpRequestMessage(HttpMethod.Post, "v1/completions") { Content = new StringContent("""{"prompt": "a"}"""), Headers = { { "Origin", "https://evil.example" } } };
        (await server.Client.SendAsync(foreign)).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        using var rebound = new HttpRequestMessage(HttpMethod.Get, "v1/models") { Headers = { Host = "evil.example" } };
        (await server.Client.SendAsync(rebound)).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        using var twofold = new HttpRequestMessage(HttpMethod.Get, "v1/models");
        twofold.Headers.TryAddWithoutValidation("Origin", ["https://evil.example", server.Client.BaseAddress!.ToString().TrimEnd('/')]);
        (await server.Client.SendAsync(twofold)).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        using var nowhere = new HttpRequestMessage(HttpMethod.Get, "v1/models") { Headers = { { "Origin", "null" } } };
        (await server.Client.SendAsync(nowhere)).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        using var own = new HttpRequestMessage(HttpMethod.Get, "v1/models") { Headers = { { "Origin", server.Client.BaseAddress!.ToString().TrimEnd('/') } } };
        (await server.Client.SendAsync(own)).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task LargeBody_Is413AndTheSenderHearsOfIt()
    {
        await using var small = await TestServer.StartAsync(new() { MostBytes = 10_000 });
        var (status, json) = await small.Chat(new string('a', 3_000_000));
        status.ShouldBe(413);
        ShouldBeError(json, words: "10,000");
        using var chunked = new HttpRequestMessage(HttpMethod.Post, "v1/completions") { Content = new StreamContent(new MemoryStream(new byte[50_000])) };
        chunked.Headers.TransferEncodingChunked = true;
        (await small.Client.SendAsync(chunked)).StatusCode.ShouldBe(HttpStatusCode.RequestEntityTooLarge);
    }

    [Fact]
    public async Task Key_WrongOrMissing_Is401()
    {
        await using var closed = await TestServer.StartAsync(new() { ApiKey = "right-key-1" });
        (await closed.Client.GetAsync("v1/models")).StatusCode.ShouldBe(HttpStatusCode.OK);
        using var stranger = new HttpClient { BaseAddress = closed.Client.BaseAddress };
        foreach (var key in new[] { null, "", "wrong-key-1", "right-key-12" })
            foreach (var path in new[] { "v1/models", "metrics", "api/settings" })
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, path);
                if (key is not null) request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {key}");
                using var response = await stranger.SendAsync(request);
                response.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
                ShouldBeError((await response.Content.ReadFromJsonAsync<JsonNode>())!);
            }
        (await stranger.GetAsync("health")).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await stranger.GetAsync("")).StatusCode.ShouldBe(HttpStatusCode.OK); // the page, which has nothing to hide
    }

    [Fact]
    public async Task Start_OtherAddressWithoutKey_IsRefused()
    {
        await using var model = ScriptedModel.New();
        (await Should.ThrowAsync<IngotException>(() => IngotServer.StartAsync(new() { Host = "*", Port = 0 }, model))).Message.ShouldContain("--api-key");
        await Should.ThrowAsync<IngotException>(() => IngotServer.StartAsync(new() { Host = "192.168.1.5", Port = 0 }, model));
        await Should.ThrowAsync<IngotException>(() => IngotServer.StartAsync(new() { Host = "my-machine", Port = 0 }, model));
    }

    [Fact]
    public async Task Start_PortThatIsTakenOrForeignAddress_SaysSo()
    {
        await using var model = ScriptedModel.New();
        await using var first = await IngotServer.StartAsync(new() { Port = 0 }, model);
        (await Should.ThrowAsync<IngotException>(() => IngotServer.StartAsync(new() { Port = first.Address.Port }, model))).Message.ShouldContain("--port");
        (await Should.ThrowAsync<IngotException>(() => IngotServer.StartAsync(new() { Host = "192.0.2.77", Port = 0, ApiKey = "long-enough" }, model))).Message.ShouldContain("--host"); // an address of nobody
    }

    [Fact]
    public async Task Start_OtherLoopbackAddress_Answers()
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("127.0.0.2 is no address of this machine");
        await using var server = await TestServer.StartAsync(new() { Host = "127.0.0.2" });
        server.Client.BaseAddress!.Host.ShouldBe("127.0.0.2");
        (await server.Client.GetAsync("v1/models")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Start_AllAddresses_AnswersOnBothKinds()
    {
        await using var server = await TestServer.StartAsync(new() { Host = "*", ApiKey = "long-enough" });
        server.Client.BaseAddress!.Host.ShouldBe("127.0.0.1");
        (await server.Client.GetAsync("v1/models")).StatusCode.ShouldBe(HttpStatusCode.OK);
        if (!Socket.OSSupportsIPv6) return;
        (await server.Client.GetAsync($"http://[::1]:{server.Client.BaseAddress.Port}/v1/models")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    sealed class BegunResponse : HttpResponseFeature
    {
        public override bool HasStarted => true;
    }

    [Fact]
    public async Task Fail_AfterAStreamHasBegun_IsAnEvent()
    {
        using var body = new MemoryStream();
        var features = new FeatureCollection();
        features.Set<IHttpRequestFeature>(new HttpRequestFeature { Method = "POST", Path = "/v1/x" });
        features.Set<IHttpResponseFeature>(new BegunResponse { Headers = { ["Content-Type"] = "text/event-stream; charset=utf-8" } });
        features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(body));
        await IngotServer.Fail(new DefaultHttpContext(features), new InvalidOperationException("secret"));
        var sent = Encoding.UTF8.GetString(body.ToArray());
        sent.ShouldStartWith("data: ");
        sent.ShouldNotContain("secret");
        ShouldBeError(JsonNode.Parse(sent[6..])!, words: "log");
    }

    [Fact]
    public async Task Queue_Full_Is429WithRetryAfter()
    {
        await using var busy = await TestServer.StartAsync(serving: new() { Slots = 1, MostWaiting = 1 });
        using var enough = new CancellationTokenSource();
        async Task Occupy()
        {
            try { await busy.Client.PostAsync("v1/completions", new StringContent("""{"prompt": "@long", "max_tokens": 100000}"""), enough.Token); }
            catch (OperationCanceledException) { }
        }
        // One is written, one waits; they end with the context's 512 tokens, so more come at once.
        var occupied = Enumerable.Range(0, 12).Select(_ => Occupy()).ToList();
        using var refused = await Refused(busy);
        ((int)refused.StatusCode).ShouldBe(429);
        refused.Headers.RetryAfter.ShouldNotBeNull();
        ShouldBeError((await refused.Content.ReadFromJsonAsync<JsonNode>())!);
        await enough.CancelAsync();
        await Task.WhenAll(occupied);
    }

    static async Task<HttpResponseMessage> Refused(TestServer busy)
    {
        for (int i = 0; ; i++)
        {
            // Three texts do not fit into one slot and one place, whatever else goes on.
            var response = await busy.Client.PostAsync("v1/completions", new StringContent("""{"prompt": "@long", "max_tokens": 5, "n": 3}""", Encoding.UTF8));
            if ((int)response.StatusCode == 429 || i == 5) return response;
            response.Dispose();
        }
    }

    [Theory]
    [InlineData("v1/chat/completions", "messages")]
    [InlineData("v1/embeddings", "input")]
    [InlineData("v1/completions", "prompt")]
    public async Task Array_OfMillions_IsRefusedBeforeItIsTakenApart(string path, string field)
    {
        var (status, json) = await server.Post(path, $$"""{"{{field}}": [{{string.Join(',', Enumerable.Repeat("1", 300_000))}}]}""");
        status.ShouldBe(400);
        json["error"]!["param"]!.GetValue<string>().ShouldBe(field);
        json["error"]!["message"]!.GetValue<string>().ShouldContain("300,000 elements");
    }

    [Fact]
    public async Task Feedback_ThatCannotBeWritten_DoesNotSayWhere()
    {
        using var folder = new Ingot.Llm.Tests.TemporaryFolder();
        File.WriteAllText(folder["file"], "");
        await using var own = await TestServer.StartAsync(new() { FeedbackFile = folder["file", "feedback.jsonl"] }); // a folder that is a file
        var (status, json) = await own.Post("api/feedback", """{"kind": "up", "chosen": "x", "messages": [{"role": "user", "content": "y"}]}""");
        status.ShouldBe(507);
        json.ToJsonString().ShouldNotContain(Path.GetFileName(folder.Path));
    }

    [Fact]
    public async Task Answers_AreNotForOtherSitesScripts()
    {
        using var response = await server.Client.GetAsync("v1/models");
        response.Headers.GetValues("X-Content-Type-Options").ShouldBe(["nosniff"]);
        response.Headers.GetValues("Cross-Origin-Resource-Policy").ShouldBe(["same-origin"]);
        response.Headers.Contains("Access-Control-Allow-Origin").ShouldBeFalse();
    }

    [Fact]
    public async Task Client_Gone_EndsItsText()
    {
        await using var own = await TestServer.StartAsync(serving: new() { Slots = 1, MostWaiting = 4 });
        using (var socket = new TcpClient("127.0.0.1", own.Client.BaseAddress!.Port))
        {
            const string Body = """{"prompt": "@long", "max_tokens": 100000, "stream": true}""";
            var stream = socket.GetStream();
            await stream.WriteAsync(Encoding.UTF8.GetBytes($"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {Body.Length}\r\n\r\n{Body}"));
            (await stream.ReadAsync(new byte[100])).ShouldBeGreaterThan(0);
        }
        await Eventually.Holds(() => own.Model.Loop.Running == 0);
    }
}
