using System.Text.Json;
using System.Text.Json.Nodes;
using Ingot.Llm.Extensions;
using Microsoft.Extensions.AI;

namespace Ingot.Server.Tests.Api;

/// <summary>Answers whose form is given; the model would say something else.</summary>
public class FormTests(SharedServer shared) : IClassFixture<SharedServer>
{
    const string Schema = """{"type": "object", "properties": {"ok": {"type": "boolean"}, "kind": {"enum": ["red", "green"]}}, "required": ["ok", "kind"], "additionalProperties": false}""";

    readonly TestServer server = shared.Server;

    sealed record Verdict(bool Ok, bool Sure);

    [Fact]
    public async Task Chat_JsonSchema_IsKept()
    {
        var (status, json) = await server.Chat("hi", $$"""
            "seed": 3, "max_tokens": 300, "n": 3, "response_format": {"type": "json_schema", "json_schema": {"name": "x", "strict": true, "schema": {{Schema}} } }
            """);
        status.ShouldBe(200, json.ToJsonString());
        foreach (var choice in json["choices"]!.AsArray())
        {
            choice!["finish_reason"]!.GetValue<string>().ShouldBe("stop", json.ToJsonString());
            var answer = JsonNode.Parse(choice["message"]!["content"]!.GetValue<string>())!.AsObject();
            answer.Select(p => p.Key).ShouldBe(["ok", "kind"], ignoreOrder: true);
            answer["ok"]!.GetValueKind().ShouldBeOneOf(JsonValueKind.True, JsonValueKind.False);
            answer["kind"]!.GetValue<string>().ShouldBeOneOf("red", "green");
        }
    }

    [Fact]
    public async Task Chat_ChoiceOrPattern_IsKept()
    {
        (await server.Chat("hi", "\"guided_choice\": [\"yes\", \"no\"]")).Json["choices"]![0]!["message"]!["content"]!.GetValue<string>().ShouldBeOneOf("yes", "no");
        (await server.Chat("hi", "\"guided_regex\": \"[ab]{3}c\"")).Json["choices"]![0]!["message"]!["content"]!.GetValue<string>().ShouldMatch("^[ab]{3}c$");
    }

    [Fact]
    public async Task Chat_SchemaThatCannotBeHonoured_Is400()
    {
        var (status, json) = await server.Chat("hi", """ "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object", "properties": {"a": {"$ref": "https://example.org/other.json"}}}}} """);
        status.ShouldBe(400, json.ToJsonString());
    }

    [Fact]
    public async Task Chat_RequiredTool_IsCalled()
    {
        var (status, json) = await server.Chat("hi", """
            "max_tokens": 300, "tools": [{"type": "function", "function": {"name": "paint", "parameters": {"type": "object", "properties": {"kind": {"enum": ["red", "green"]}}, "required": ["kind"], "additionalProperties": false}}}],
            "tool_choice": {"type": "function", "function": {"name": "paint"}}
            """);
        status.ShouldBe(200, json.ToJsonString());
        json["choices"]![0]!["finish_reason"]!.GetValue<string>().ShouldBe("tool_calls", json.ToJsonString());
        var call = json["choices"]![0]!["message"]!["tool_calls"]!.AsArray().ShouldHaveSingleItem()!["function"]!;
        call["name"]!.GetValue<string>().ShouldBe("paint");
        JsonNode.Parse(call["arguments"]!.GetValue<string>())!["kind"]!.GetValue<string>().ShouldBeOneOf("red", "green");
    }

    [Fact]
    public async Task Chat_BiasAgainstTheOnlyChoice_Is400AndTheOthersGoOn()
    {
        var neighbour = server.Chat("@long", "\"max_tokens\": 400");
        var (status, json) = await server.Chat("hi", "\"guided_choice\": [\"a\"], \"logit_bias\": {\"97\": -100}");
        status.ShouldBe(400, json.ToJsonString());
        json["error"]!["message"]!.GetValue<string>().ShouldContain("logit_bias");
        (await neighbour).Json["usage"]!["completion_tokens"]!.GetValue<int>().ShouldBe(400);
    }

    [Theory]
    [InlineData("\"required\"", true)]
    [InlineData("""{"type": "function", "function": {"name": "paint"}}""", false)]
    public async Task Chat_RequiredToolWithReferences_IsCalled(string choice, bool hasTwo)
    {
        // As Pydantic writes schemas.
        const string Parameters = """{"type": "object", "$defs": {"Kind": {"enum": ["red", "green"]}}, "properties": {"kind": {"$ref": "#/$defs/Kind"}}, "required": ["kind"], "additionalProperties": false}""";
        string other = hasTwo ? """, {"type": "function", "function": {"name": "draw"}}""" : "";
        var (status, json) = await server.Chat("hi", $$"""
            "max_tokens": 300, "seed": 5, "tool_choice": {{choice}}, "tools": [{"type": "function", "function": {"name": "paint", "parameters": {{Parameters}} } }{{other}}]
            """);
        status.ShouldBe(200, json.ToJsonString());
        var call = json["choices"]![0]!["message"]!["tool_calls"]!.AsArray().ShouldHaveSingleItem()!["function"]!;
        JsonNode.Parse(call["arguments"]!.GetValue<string>())!.ToJsonString().ShouldBeOneOf(call["name"]!.GetValue<string>() == "draw" ? ["{}"] : ["{\"kind\":\"red\"}", "{\"kind\":\"green\"}"]);
    }

    [Fact]
    public async Task Chat_RequiredToolCutByTheLimit_IsTextWithLength()
    {
        var (_, json) = await server.Chat("hi", """ "max_tokens": 3, "tool_choice": "required", "tools": [{"type": "function", "function": {"name": "paint"}}] """);
        var choice = json["choices"]![0]!;
        choice["finish_reason"]!.GetValue<string>().ShouldBe("length");
        choice["message"]!["content"]!.GetValue<string>().ShouldNotBeEmpty();
        choice["message"]!["tool_calls"].ShouldBeNull();
    }

    const string Adding = """ "tools": [{"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a", "b"]}}}] """;

    [Fact]
    public async Task Chat_FormAndTools_ModelThatCalls_Calls()
    {
        var (status, json) = await server.Chat("@sum", $$""" "temperature": 0, "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {{Schema}} } }, {{Adding}} """);
        status.ShouldBe(200, json.ToJsonString());
        var choice = json["choices"]![0]!;
        choice["finish_reason"]!.GetValue<string>().ShouldBe("tool_calls");
        JsonNode.Parse(choice["message"]!["tool_calls"]!.AsArray().ShouldHaveSingleItem()!["function"]!["arguments"]!.GetValue<string>())!.ToJsonString().ShouldBe("""{"a":20,"b":22}""");
    }

    [Fact]
    public async Task Chat_FormAndTools_IsTheFormOrACall()
    {
        int calls = 0, words = 0;
        for (int seed = 0; seed < 20; seed++)
        {
            var (_, json) = await server.Chat("hi", $$""" "temperature": 2, "seed": {{seed}}, "max_tokens": 400, "guided_choice": ["yes", "no"], {{Adding}} """);
            var choice = json["choices"]![0]!;
            if (choice["finish_reason"]!.GetValue<string>() == "length") continue;
            if (choice["message"]!["tool_calls"]?.AsArray() is { } made)
            {
                calls++;
                choice["message"]!["content"].ShouldBeNull();
                foreach (var call in made) JsonNode.Parse(call!["function"]!["arguments"]!.GetValue<string>())!["b"]!.GetValueKind().ShouldBe(JsonValueKind.Number);
            }
            else
            {
                words++;
                choice["message"]!["content"]!.GetValue<string>().ShouldBeOneOf("yes", "no");
            }
        }
        (calls > 0, words > 0).ShouldBe((true, true));
    }

    [Fact]
    public async Task Chat_FormWhereTheTemplateOpensAThought_IsInTheContent()
    {
        await using var thinking = await TestServer.WithModels(null, ScriptedModel.New(template: "{{ messages[-1].content }}<think>\n{# ends with </think> #}"));
        var (_, free) = await thinking.Chat("hi", "\"max_tokens\": 3");
        free["choices"]![0]!["message"]!["reasoning_content"]!.GetValue<string>().ShouldNotBeEmpty();
        var (_, json) = await thinking.Chat("hi", "\"guided_choice\": [\"yes\", \"no\"]");
        json["choices"]![0]!["message"]!["content"]!.GetValue<string>().ShouldBeOneOf("yes", "no");
        json["choices"]![0]!["message"]!["reasoning_content"].ShouldBeNull();
        var (_, forced) = await thinking.Chat("hi", """ "max_tokens": 300, "tool_choice": "required", "tools": [{"type": "function", "function": {"name": "paint"}}] """);
        forced["choices"]![0]!["message"]!["tool_calls"]!.AsArray().ShouldHaveSingleItem();
    }

    [Fact]
    public async Task ChatClient_Record_ComesTyped()
    {
        using var client = new IngotChatClient(server.Model);
        var response = await client.GetResponseAsync<Verdict>("hi", new ChatOptions { Seed = 4, MaxOutputTokens = 400 });
        response.TryGetResult(out _).ShouldBeTrue(response.Text);
        response.Text.ShouldContain("sure", Case.Insensitive);
    }
}
