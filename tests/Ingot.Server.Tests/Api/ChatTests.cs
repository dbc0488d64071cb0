using System.Text.Json.Nodes;

namespace Ingot.Server.Tests.Api;

public class ChatTests(SharedServer shared) : IClassFixture<SharedServer>
{
    const string Add = """ "tools": [{"type": "function", "function": {"name": "add", "description": "Adds", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a", "b"]}}}] """;

    readonly TestServer server = shared.Server;

    static string Standard => string.Concat(ScriptedModel.Standard);

    [Fact]
    public async Task Chat_Words_AreAnswered()
    {
        var (status, json) = await server.Chat("zq", "\"unknown_field\": {\"x\": []}, \"temperature\": 0");
        status.ShouldBe(200, json.ToJsonString());
        json["object"]!.GetValue<string>().ShouldBe("chat.completion");
        json["model"]!.GetValue<string>().ShouldBe("scripted");
        var choice = json["choices"]!.AsArray().ShouldHaveSingleItem()!;
        choice["message"]!["role"]!.GetValue<string>().ShouldBe("assistant");
        choice["message"]!["content"]!.GetValue<string>().ShouldBe(Standard);
        choice["finish_reason"]!.GetValue<string>().ShouldBe("stop");
        json["usage"]!["completion_tokens"]!.GetValue<int>().ShouldBe(4);
        json["usage"]!["prompt_tokens"]!.GetValue<int>().ShouldBe(2);
        json["usage"]!["total_tokens"]!.GetValue<int>().ShouldBe(6);
        json["usage"]!["prompt_tokens_details"]!["cached_tokens"]!.GetValue<int>().ShouldBe(0);
    }

    [Fact]
    public async Task Chat_Streamed_SaysTheSameInPieces()
    {
        var events = await server.Stream("v1/chat/completions", """{"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}], "stream": true, "stream_options": {"include_usage": true}}""");
        events[^1].ShouldBe("[DONE]");
        var chunks = events.SkipLast(1).Select(e => JsonNode.Parse(e)!).ToList();
        chunks.Select(c => c["id"]!.GetValue<string>()).Distinct().Count().ShouldBe(1);
        chunks[0]["choices"]![0]!["delta"]!["role"]!.GetValue<string>().ShouldBe("assistant");
        var deltas = chunks.SkipLast(1).Select(c => c["choices"]![0]!).ToList();
        string.Concat(deltas.Select(d => d["delta"]!["content"]?.GetValue<string>())).ShouldBe(Standard);
        deltas.Count.ShouldBeGreaterThan(4); // a piece a token
        deltas[^1]["finish_reason"]!.GetValue<string>().ShouldBe("stop");
        deltas.SkipLast(1).ShouldAllBe(d => d["finish_reason"] == null);
        chunks[^1]["choices"]!.AsArray().ShouldBeEmpty();
        chunks[^1]["usage"]!["completion_tokens"]!.GetValue<int>().ShouldBe(4);
        chunks.SkipLast(1).ShouldAllBe(c => c.AsObject().ContainsKey("usage") && c["usage"] == null);
    }

    [Fact]
    public async Task Chat_MaxTokens_EndsWithLength()
    {
        foreach (var name in new[] { "max_tokens", "max_completion_tokens" })
        {
            var (_, json) = await server.Chat("@long", $"\"{name}\": 3");
            json["choices"]![0]!["message"]!["content"]!.GetValue<string>().ShouldBe("tick tock tick ");
            json["choices"]![0]!["finish_reason"]!.GetValue<string>().ShouldBe("length");
        }
    }

    [Fact]
    public async Task Chat_ContextFull_EndsWithLength()
    {
        var (_, json) = await server.Chat("@long");
        json["choices"]![0]!["finish_reason"]!.GetValue<string>().ShouldBe("length");
        json["usage"]!["total_tokens"]!.GetValue<int>().ShouldBe(512);
    }

    [Theory]
    [InlineData("\"are\"")]
    [InlineData("[\"nothing\", \"w are\"]")]
    public async Task Chat_Stop_EndsBeforeIt(string stop)
    {
        var (_, json) = await server.Chat("hi", $"\"stop\": {stop}");
        json["choices"]![0]!["message"]!["content"]!.GetValue<string>().ShouldBe(stop.Contains("w are", StringComparison.Ordinal) ? "Hello, ho" : "Hello, how ");
        json["choices"]![0]!["finish_reason"]!.GetValue<string>().ShouldBe("stop");
    }

    [Fact]
    public async Task Chat_SeveralAnswers_AreNumberedAndDifferBySeed()
    {
        const string Options = "\"n\": 4, \"seed\": 5, \"temperature\": 2, \"max_tokens\": 12, \"logit_bias\": {\"100\": 20, \"101\": 20, \"102\": 20}";
        var (_, json) = await server.Chat("hi", Options);
        var texts = json["choices"]!.AsArray().Select(c => c!["message"]!["content"]!.GetValue<string>()).ToList();
        texts.Count.ShouldBe(4);
        texts.Distinct().Count().ShouldBeGreaterThan(1);
        json["choices"]!.AsArray().Select(c => c!["index"]!.GetValue<int>()).ShouldBe([0, 1, 2, 3]);
        (await server.Chat("hi", Options)).Json["choices"]!.AsArray().Select(c => c!["message"]!["content"]!.GetValue<string>()).ShouldBe(texts);
    }

    [Fact]
    public async Task Chat_SeveralStreamed_EachEndsOnce()
    {
        var events = await server.Stream("v1/chat/completions", """{"messages": [{"role": "user", "content": "hi"}], "stream": true, "n": 3}""");
        var deltas = events.SkipLast(1).Select(e => JsonNode.Parse(e)!["choices"]![0]!).ToList();
        for (int i = 0; i < 3; i++)
        {
            var own = deltas.Where(d => d["index"]!.GetValue<int>() == i).ToList();
            string.Concat(own.Select(d => d["delta"]!["content"]?.GetValue<string>())).ShouldBe(Standard);
            own.Count(d => d["finish_reason"] != null).ShouldBe(1);
        }
    }

    [Fact]
    public async Task Chat_LogProbabilities_AreOfTheChosenTokens()
    {
        var (_, json) = await server.Chat("hi", "\"logprobs\": true, \"top_logprobs\": 2");
        var scores = json["choices"]![0]!["logprobs"]!["content"]!.AsArray();
        scores.Select(s => s!["token"]!.GetValue<string>()).ShouldBe(ScriptedModel.Standard);
        foreach (var score in scores)
        {
            score!["logprob"]!.GetValue<double>().ShouldBeInRange(-1e-3, 0);
            score["bytes"]!.AsArray().Select(b => (byte)b!.GetValue<int>()).ShouldBe(System.Text.Encoding.UTF8.GetBytes(score["token"]!.GetValue<string>()));
            var top = score["top_logprobs"]!.AsArray();
            top.Count.ShouldBe(2);
            top[0]!["token"]!.GetValue<string>().ShouldBe(score["token"]!.GetValue<string>());
            top[1]!["logprob"]!.GetValue<double>().ShouldBeLessThan(-5);
        }
    }

    [Fact]
    public async Task Chat_SameBeginning_IsCached()
    {
        string words = new('x', 300);
        (await server.Chat(words)).Json["usage"]!["prompt_tokens_details"]!["cached_tokens"]!.GetValue<int>().ShouldBe(0);
        (await server.Chat(words + "y")).Json["usage"]!["prompt_tokens_details"]!["cached_tokens"]!.GetValue<int>().ShouldBeGreaterThanOrEqualTo(256);
    }

    [Fact]
    public async Task Chat_ToolCall_IsReadAndItsResultAnswered()
    {
        var (_, json) = await server.Chat("@sum", Add);
        var choice = json["choices"]![0]!;
        choice["finish_reason"]!.GetValue<string>().ShouldBe("tool_calls", json.ToJsonString());
        choice["message"]!["content"].ShouldBeNull();
        var call = choice["message"]!["tool_calls"]!.AsArray().ShouldHaveSingleItem()!;
        call["type"]!.GetValue<string>().ShouldBe("function");
        call["function"]!["name"]!.GetValue<string>().ShouldBe("add");
        JsonNode.DeepEquals(JsonNode.Parse(call["function"]!["arguments"]!.GetValue<string>()), JsonNode.Parse("""{"a": 20, "b": 22}""")).ShouldBeTrue();
        var request = new JsonObject
        {
            ["messages"] = new JsonArray(
                new JsonObject { ["role"] = "user", ["content"] = "@sum" },
                choice["message"]!.DeepClone(),
                new JsonObject { ["role"] = "tool", ["tool_call_id"] = call["id"]!.GetValue<string>(), ["content"] = "@result42" }),
        };
        var (status, after) = await server.Post("v1/chat/completions", request.ToJsonString());
        status.ShouldBe(200, after.ToJsonString());
        after["choices"]![0]!["message"]!["content"]!.GetValue<string>().ShouldBe("It is forty-two.");
    }

    [Fact]
    public async Task Chat_ToolCallStreamed_ArgumentsJoin()
    {
        var events = await server.Stream("v1/chat/completions", $$"""{"messages": [{"role": "user", "content": "@sum"}], "stream": true, {{Add}}}""");
        var choices = events.SkipLast(1).Select(e => JsonNode.Parse(e)!["choices"]![0]!).ToList();
        var calls = choices.SelectMany(c => c["delta"]!["tool_calls"]?.AsArray().Select(t => t!) ?? []).ToList();
        calls[0]["id"]!.GetValue<string>().ShouldNotBeEmpty();
        calls[0]["function"]!["name"]!.GetValue<string>().ShouldBe("add");
        JsonNode.Parse(string.Concat(calls.Select(c => c["function"]!["arguments"]!.GetValue<string>())))!["b"]!.GetValue<int>().ShouldBe(22);
        choices[^1]["finish_reason"]!.GetValue<string>().ShouldBe("tool_calls");
    }

    [Fact]
    public async Task Chat_ToolCallCutByTheLimit_IsTextWithLength()
    {
        var (_, json) = await server.Chat("@sum", Add + ", \"max_tokens\": 2");
        var choice = json["choices"]![0]!;
        choice["finish_reason"]!.GetValue<string>().ShouldBe("length", json.ToJsonString());
        choice["message"]!["content"]!.GetValue<string>().ShouldBe("<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 20, ");
        choice["message"]!["tool_calls"].ShouldBeNull();
        var events = await server.Stream("v1/chat/completions", $$"""{"messages": [{"role": "user", "content": "@sum"}], "stream": true, "max_tokens": 2, {{Add}}}""");
        var last = events.SkipLast(1).Select(e => JsonNode.Parse(e)!["choices"]![0]!).ToList();
        last[^1]["finish_reason"]!.GetValue<string>().ShouldBe("length");
        string.Concat(last.Select(c => c["delta"]!["content"]?.GetValue<string>())).ShouldContain("add");
    }

    [Fact]
    public async Task Chat_ToolsNone_CallIsText()
    {
        var (_, json) = await server.Chat("@sum", Add + ", \"tool_choice\": \"none\"");
        json["choices"]![0]!["message"]!["content"]!.GetValue<string>().ShouldBe(ScriptedModel.Text("@sum"));
    }

    [Fact]
    public async Task Completion_Echo_HasScoresOfThePrompt()
    {
        var (status, json) = await server.Post("v1/completions", """{"prompt": "@sum@no", "max_tokens": 1, "echo": true, "logprobs": 1}""");
        status.ShouldBe(200, json.ToJsonString());
        var choice = json["choices"]![0]!;
        choice["text"]!.GetValue<string>().ShouldBe("@sum@noThen ");
        var scores = choice["logprobs"]!;
        scores["tokens"]!.AsArray().Select(t => t!.GetValue<string>()).ShouldBe(["@sum", "@no", "Then "]);
        scores["token_logprobs"]![0].ShouldBeNull();
        scores["token_logprobs"]![1]!.GetValue<double>().ShouldBeLessThan(-5); // not what follows @sum
        scores["token_logprobs"]![2]!.GetValue<double>().ShouldBeGreaterThan(-1e-3);
        scores["text_offset"]!.AsArray().Select(t => t!.GetValue<int>()).ShouldBe([0, 4, 7]);
        scores["top_logprobs"]![2]!["Then "].ShouldNotBeNull();
    }

    [Fact]
    public async Task Completion_BestOf_AreTheLikeliest()
    {
        // The bias makes texts stray from the script, which the model itself finds likeliest.
        const string Hot = "\"prompt\": \"@no\", \"max_tokens\": 3, \"seed\": 11, \"logit_bias\": {\"97\": 17}, \"logprobs\": 0";
        static double Mean(JsonNode? choice) => choice!["logprobs"]!["token_logprobs"]!.AsArray().Average(p => p!.GetValue<double>());
        var (_, all) = await server.Post("v1/completions", $$"""{ {{Hot}}, "n": 8 }""");
        var (status, best) = await server.Post("v1/completions", $$"""{ {{Hot}}, "n": 2, "best_of": 8 }""");
        status.ShouldBe(200, best.ToJsonString());
        var means = all["choices"]!.AsArray().Select(Mean).OrderDescending().ToList();
        means[0].ShouldBeGreaterThan(means[^1]);
        best["choices"]!.AsArray().Select(Mean).ShouldBe(means.Take(2), tolerance: 1e-9);
        best["choices"]!.AsArray().Select(c => c!["index"]!.GetValue<int>()).ShouldBe([0, 1]);
        (await server.Post("v1/completions", """{"prompt": "a", "n": 3, "best_of": 2}""")).Status.ShouldBe(400);
        (await server.Post("v1/completions", """{"prompt": "a", "best_of": 2, "stream": true}""")).Status.ShouldBe(400);
        (await server.Chat("a", "\"best_of\": 2")).Status.ShouldBe(400);
    }

    [Fact]
    public async Task Completion_ReadyPrompt_HasItsMarks()
    {
        var (_, json) = await server.Post("v1/completions", """{"prompt": "ab<|end|>", "max_tokens": 1, "echo": true}""");
        json["usage"]!["prompt_tokens"]!.GetValue<int>().ShouldBe(3);
        json["choices"]![0]!["text"]!.GetValue<string>().ShouldBe("ab<|end|>Hello");
        (await server.Chat("ab<|end|>")).Json["usage"]!["prompt_tokens"]!.GetValue<int>().ShouldBe(9); // words of a conversation are words
    }

    [Fact]
    public async Task Completion_SeveralPrompts_AreContinued()
    {
        var (_, json) = await server.Post("v1/completions", """{"prompt": ["@no", "a"], "n": 2}""");
        json["choices"]!.AsArray().Select(c => c!["text"]!.GetValue<string>()).ShouldBe(["Then I cannot tell.", "Then I cannot tell.", Standard, Standard]);
        json["choices"]!.AsArray().Select(c => c!["index"]!.GetValue<int>()).ShouldBe([0, 1, 2, 3]);
        (await server.Post("v1/completions", """{"prompt": [[97], [98]], "max_tokens": 1}""")).Json["choices"]!.AsArray().Count.ShouldBe(2);
        var (status, wrong) = await server.Post("v1/completions", """{"prompt": [100000]}""");
        status.ShouldBe(400);
        wrong["error"]!["param"]!.GetValue<string>().ShouldBe("prompt[0]");
    }

    [Fact]
    public async Task Completion_Streamed_EndsWithDone()
    {
        var events = await server.Stream("v1/completions", """{"prompt": "@no", "stream": true, "stream_options": {"include_usage": true}}""");
        events[^1].ShouldBe("[DONE]");
        string.Concat(events.SkipLast(2).Select(e => JsonNode.Parse(e)!["choices"]![0]!["text"]!.GetValue<string>())).ShouldBe("Then I cannot tell.");
        JsonNode.Parse(events[^2])!["usage"]!["completion_tokens"]!.GetValue<int>().ShouldBe(3);
    }

    [Fact]
    public async Task Completion_SuffixWithoutMarks_IsRefused()
    {
        var (status, json) = await server.Post("v1/completions", """{"prompt": "a", "suffix": "b"}""");
        status.ShouldBe(400);
        json["error"]!["param"]!.GetValue<string>().ShouldBe("suffix");
    }

    [Fact]
    public async Task Embeddings_FloatAndBase64_AreTheSame()
    {
        var (_, plain) = await server.Post("v1/embeddings", """{"input": ["one text", "another"]}""");
        var (_, packed) = await server.Post("v1/embeddings", """{"input": ["one text", "another"], "encoding_format": "base64"}""");
        for (int i = 0; i < 2; i++)
        {
            var floats = plain["data"]![i]!["embedding"]!.AsArray().Select(v => v!.GetValue<float>()).ToArray();
            var bytes = Convert.FromBase64String(packed["data"]![i]!["embedding"]!.GetValue<string>());
            Enumerable.Range(0, bytes.Length / 4).Select(k => BitConverter.ToSingle(bytes, 4 * k)).ShouldBe(floats);
            floats.Sum(f => (double)f * f).ShouldBe(1, 1e-5);
        }
        plain["usage"]!["prompt_tokens"]!.GetValue<int>().ShouldBe(15);
    }

    [Fact]
    public async Task Embeddings_LastToken_SeesTheLastAlone()
    {
        async Task<string> Of(string text) => (await server.Post("v1/embeddings", $$"""{"input": "{{text}}", "pooling": "last", "encoding_format": "base64"}""")).Json["data"]![0]!["embedding"]!.GetValue<string>();
        (await Of("abc")).ShouldBe(await Of("xxc")); // of this model, whose blocks add nothing
        (await Of("abc")).ShouldNotBe(await Of("abd"));
    }

    [Fact]
    public async Task Metrics_AfterRequests_CountThem()
    {
        await server.Chat("hi");
        var text = await server.Client.GetStringAsync("metrics");
        text.ShouldContain("# TYPE gen_ai_server_request_duration_seconds histogram");
        text.ShouldContain("gen_ai_server_time_to_first_token_seconds_count{gen_ai_operation_name=\"chat\",gen_ai_provider_name=\"ingot\",gen_ai_request_model=\"scripted\"}");
        text.ShouldContain("gen_ai_token_type=\"output\"");
        text.ShouldContain("ingot_server_queue_waiting{gen_ai_request_model=\"scripted\"} 0");
        text.ShouldContain("ingot_server_responses_total{http_route=\"/v1/chat/completions\",http_response_status_code=\"200\"}");
    }

    [Fact]
    public async Task Models_AreListed()
    {
        var json = JsonNode.Parse(await server.Client.GetStringAsync("v1/models"))!;
        json["data"]![0]!["id"]!.GetValue<string>().ShouldBe("scripted");
        JsonNode.Parse(await server.Client.GetStringAsync("v1/models/scripted"))!["object"]!.GetValue<string>().ShouldBe("model");
        (await server.Client.GetStringAsync("health")).ShouldContain("ok");
    }
}
