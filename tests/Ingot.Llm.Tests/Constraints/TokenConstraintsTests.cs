using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ingot.Llm.Chat;
using Ingot.Llm.Constraints;
using Ingot.Llm.Generation;
using Ingot.Llm.Tokenizers;
using Ingot.Llm.Tokenizers.Patterns;
using Ingot.Llm.Tokenizers.Unicode;

namespace Ingot.Llm.Tests.Constraints;

public partial class TokenConstraintsTests
{
    /// <summary>Single bytes, and tokens that span several elements of JSON or end within a character.</summary>
    static readonly Tokenizer Tokens = Vocabulary();

    static readonly int End = Tokens.TokenId("<end>")!.Value;

    static Tokenizer Vocabulary()
    {
        var vocabulary = new Dictionary<string, int>();
        void Add(ReadOnlySpan<byte> bytes) => vocabulary.TryAdd(ByteAlphabet.Write(bytes), vocabulary.Count);
        for (int b = 0; b < 256; b++) Add([(byte)b]);
        foreach (string text in new[] { "{\"", "\":", "\": ", "\": \"", "\",", "\", \"", "\"}", "\"]", "}]", "}}", "]}", "},", "}, {\"", "[{\"", "[[", "[]", "{}", "true", "false", "null", "tru", "1,", "12", "123", "0.", ".5", "-1", "1]", "0}",
            "name", "\"name\":", "a\":1", "\\\"", "\\n", "\\u00", "é", "日本", "😀", "ab", "hello", " world", "  ", "\n", "\n  ", "\"a", "a\"", "e+1", "2024-", "-01", "yes", "yesno", "\"},{\"" }) Add(Encoding.UTF8.GetBytes(text));
        Add([0xE6, 0x97]); // most of 日
        Add([0xA5, (byte)'"']); // its end, and more
        Add([0xF0, 0x9F]);
        var json = new
        {
            version = "1.0",
            added_tokens = new[] { new { id = vocabulary.Count, content = "<end>", single_word = false, lstrip = false, rstrip = false, normalized = false, special = true } },
            pre_tokenizer = new { type = "ByteLevel", add_prefix_space = false, trim_offsets = true, use_regex = false },
            decoder = new { type = "ByteLevel", add_prefix_space = false, trim_offsets = true, use_regex = false },
            model = new { type = "BPE", vocab = vocabulary, merges = Array.Empty<string>() },
        };
        return TokenizerFile.FromJson(JsonSerializer.SerializeToUtf8Bytes(json), "test");
    }

    static readonly TokenConstraints Constraints = new(Tokens, [End]);

    static JsonElement Json(string text) => JsonDocument.Parse(text).RootElement;

    /// <summary>Text by random logits; after a while what closes is liked better, so that it ends. Null if it does not within the tokens.</summary>
    static string? Generate(ITokenConstraint constraint, Random random, int mostTokens, int patience = 25)
    {
        var logits = new float[Tokens.VocabularySize + 5];
        List<int> said = [];
        for (int step = 0; step < mostTokens; step++)
        {
            for (int i = 0; i < logits.Length; i++) logits[i] = (float)random.NextDouble();
            if (step > patience)
            {
                for (int i = 0; i < Tokens.VocabularySize; i++)
                    if (i == End || Tokens.Decode([i]) is ['"' or '}' or ']', ..] t && !t.Contains('{', StringComparison.Ordinal)) logits[i] += 2;
                    else if (Tokens.Decode([i]) is "{" or "[" or "{\"" or "[[" or "[{\"" or "," or "\n" or " ") logits[i] -= 2;
            }
            bool isComplete = constraint.IsComplete;
            constraint.Mask(logits);
            int best = Array.IndexOf(logits, logits.Max());
            float.IsNegativeInfinity(logits[best]).ShouldBeFalse("a token must be left");
            best.ShouldBeLessThan(Tokens.VocabularySize);
            float.IsNegativeInfinity(logits[End]).ShouldBe(!isComplete);
            if (best == End) return new UTF8Encoding(false, true).GetString(Tokens.DecodeBytes([.. said]));
            constraint.Accept(best);
            said.Add(best);
        }
        return null;
    }

    [Fact]
    public void Schema_RandomSchemasAndLogits_WhatEndsIsValid()
    {
        var random = new Random(3);
        int ended = 0, refused = 0;
        const int Rounds = 60;
        for (int i = 0; i < Rounds; i++)
        {
            var schema = Json(RandomSchema(random, 3).ToJsonString());
            ITokenConstraint constraint;
            try { constraint = Constraints.JsonSchema(schema); }
            catch (IngotException e)
            {
                e.Message.ShouldContain("#");
                refused++;
                continue;
            }
            if (Generate(constraint, random, 300) is not { } text) continue;
            ended++;
            using var value = JsonDocument.Parse(text);
            PlainValidator.IsValid(schema, value.RootElement, schema).ShouldBeTrue($"{schema}\n{text}");
        }
        refused.ShouldBeLessThan(Rounds / 4);
        ended.ShouldBeGreaterThan((Rounds - refused) * 9 / 10);
    }

    static JsonObject RandomSchema(Random random, int depth)
    {
        JsonArray Few(Func<JsonNode?> make) => new([.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => make())]);
        JsonObject Sub() => RandomSchema(random, depth - 1);
        string Name() => new[] { "name", "a", "ab", "b\"c", "日", "na", "x y" }[random.Next(7)];
        switch (random.Next(depth > 0 ? 14 : 9))
        {
            case 0: return new() { ["type"] = "boolean" };
            case 1: return new() { ["type"] = new JsonArray("null", "integer") };
            case 2: return new() { ["enum"] = new JsonArray(1, "two", null, true, new JsonArray(1, "é\n"), new JsonObject { ["k"] = 0.5 }) };
            case 3: return new() { ["const"] = "it's \"quoted\" 日" };
            case 4:
                int low = random.Next(-150, 150);
                return new() { ["type"] = "integer", ["minimum"] = low, [random.Next(2) == 0 ? "maximum" : "exclusiveMaximum"] = low + random.Next(1, 2000) };
            case 5: return new() { ["type"] = "number", [random.Next(2) == 0 ? "minimum" : "exclusiveMinimum"] = random.Next(-300, 300) / 100m, ["maximum"] = 3 + random.Next(500) / 10m };
            case 6: return new() { ["type"] = "string", ["minLength"] = random.Next(3), ["maxLength"] = 3 + random.Next(10) };
            case 7: return new() { ["type"] = "string", ["pattern"] = new[] { "^[a-c]{2,5}$", "b+", "^(yes|no)$", "^\\d{3}-\\w+$", "[\"\\\\]", "^[^\"é]*x?$", "^$|日" }[random.Next(7)] };
            case 8: return new() { ["type"] = "string", ["format"] = new[] { "date", "date-time", "uuid", "ipv4", "ipv6", "email", "uri", "time", "duration", "hostname" }[random.Next(10)] };
            case 9: return new() { ["type"] = "array", ["items"] = Sub(), ["minItems"] = random.Next(3), ["maxItems"] = 2 + random.Next(3) };
            case 10: return new() { ["type"] = "array", ["prefixItems"] = Few(Sub), ["items"] = random.Next(2) == 0 ? JsonValue.Create(false) : Sub() };
            case 11: return new() { ["anyOf"] = Few(Sub) };
            case 12: return new() { ["allOf"] = new JsonArray(new JsonObject { ["type"] = "object", ["properties"] = new JsonObject { ["p"] = Sub() }, ["required"] = new JsonArray("p") }, new JsonObject { ["properties"] = new JsonObject { ["q"] = Sub() } }) };
            default:
                var properties = new JsonObject();
                for (int i = random.Next(4); i > 0; i--) properties[Name()] = Sub();
                var schema = new JsonObject { ["type"] = "object", ["properties"] = properties, ["required"] = new JsonArray([.. properties.Select(p => p.Key).Where(_ => random.Next(2) == 0).Select(k => JsonValue.Create(k))]) };
                if (random.Next(2) == 0) schema["additionalProperties"] = random.Next(3) switch { 0 => false, 1 => true, _ => Sub() };
                return schema;
        }
    }

    [Fact]
    public void Schema_Recursive_GoesAsDeepAsItLikesAndEnds()
    {
        var schema = Json("""
            {"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "properties": {"name": {"type": "string"}, "left": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
            "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}}, "required": ["name", "left"], "additionalProperties": false}}}
            """);
        var random = new Random(5);
        int ended = 0;
        for (int i = 0; i < 30; i++)
        {
            if (Generate(Constraints.JsonSchema(schema), random, 800, patience: 60) is not { } text) continue;
            ended++;
            PlainValidator.IsValid(schema, Json(text), schema).ShouldBeTrue(text);
        }
        ended.ShouldBeGreaterThan(20);
        var deep = Constraints.JsonSchema(schema);
        for (int i = 0; i < 500; i++) Say(deep, "{\"name\":\"\",\"left\":");
        Say(deep, "null" + new string('}', 500));
        deep.IsComplete.ShouldBeTrue();
    }

    static void Say(ITokenConstraint constraint, string text)
    {
        foreach (byte b in Encoding.UTF8.GetBytes(text)) constraint.Accept(Tokens.TokenId(ByteAlphabet.Char(b).ToString())!.Value);
    }

    static bool Takes(ITokenConstraint constraint, string text)
    {
        try { Say(constraint, text); }
        catch (IngotException) { return false; }
        return constraint.IsComplete;
    }

    [Theory]
    [InlineData("""{"type": "integer", "minimum": 7, "maximum": 1234}""", "7 8 10 99 100 999 1000 1234", "6 0 -7 1235 07 7.0 12340")]
    [InlineData("""{"type": "integer", "minimum": -12, "exclusiveMaximum": 3}""", "-12 -9 -1 0 2", "-13 3 -0.5 -100")]
    [InlineData("""{"type": "integer", "minimum": 5}""", "5 6 10 12345678", "4 0 -1")]
    [InlineData("""{"type": "number", "minimum": 0, "maximum": 1}""", "0 1 0.5 0.999 0.001", "1.1 -0.1 1.01 2")]
    [InlineData("""{"type": "number", "exclusiveMinimum": 0.25, "exclusiveMaximum": 0.3}""", "0.26 0.299 0.2501", "0.25 0.3 0.30 0.2 1")]
    [InlineData("""{"type": "number", "minimum": -1.5, "maximum": 10.25}""", "-1.5 -1 0 10 10.25 9.99 -0.001 10.2", "-1.51 10.26 11 -2")]
    [InlineData("""{"type": "string", "minLength": 2, "maxLength": 3}""", "\"ab\" \"日本😀\" \"\\n\\u0041\" \"\\ud83d\\ude00x\"", "\"a\" \"abcd\" \"a\\ud83d\" \"\u0001b\"")]
    [InlineData("""{"type": "string", "pattern": "b+$"}""", "\"b\" \"xxbb\" \"日b\"", "\"bc\" \"\"")]
    [InlineData("""{"type": "string", "format": "date"}""", "\"2024-02-28\" \"1999-12-31\" \"2023-04-30\"", "\"2024-02-30\" \"2024-13-01\" \"2023-04-31\" \"24-01-01\"")]
    [InlineData("""{"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "null"}}, "required": ["b"]}""", "{\"b\":null} {\"a\":1,\"b\":null}", "{} {\"a\":1} {\"b\":null,\"c\":1} {\"a\":1,\"a\":2,\"b\":null}")]
    [InlineData("""{"type": "object", "properties": {"ab": {"type": "integer"}}, "additionalProperties": {"type": "boolean"}}""", "{} {\"abc\":true} {\"ab\":1,\"a\":false} {\"\":true}", "{\"ab\":true} {\"a\":1} {\"\\u0061b\":true}")]
    [InlineData("""{"type": "array", "prefixItems": [{"const": 1}, {"const": 2}], "items": {"const": 3}, "minItems": 1, "maxItems": 4}""", "[1] [1,2] [1,2,3,3]", "[] [2] [1,3] [1,2,3,3,3]")]
    [InlineData("""{"oneOf": [{"type": "object", "properties": {"k": {"const": "x"}, "v": {"type": "integer"}}, "required": ["k"]}, {"type": "object", "properties": {"k": {"const": "y"}}, "required": ["k"]}]}""", "{\"k\":\"x\",\"v\":1} {\"k\":\"y\"}", "{\"k\":\"y\",\"v\":1} {\"k\":\"z\"}")]
    [InlineData("""{"allOf": [{"type": "number", "minimum": 3}, {"type": "integer", "maximum": 5}]}""", "3 4 5", "2 6 3.5")]
    [InlineData("""{"type": "string", "nullable": true, "enum": ["a", null, 3]}""", "\"a\" null", "3 \"b\"")]
    [InlineData("""{"type": "object", "patternProperties": {"^x-": {"type": "integer"}, "^y-[0-9]$": {"type": "boolean"}}}""", "{} {\"x-\":1} {\"x-ab\":1,\"y-3\":true,\"x-ab\":2}", "{\"x\":1} {\"x-a\":true} {\"y-3\":1} {\"y-33\":true} {\"z\":1}")]
    [InlineData("""{"type": "object", "properties": {"x-id": {"minimum": 3}, "n": {"type": "null"}}, "patternProperties": {"^x-": {"type": "integer"}}, "required": ["x-id"]}""", "{\"x-id\":3} {\"x-id\":9,\"n\":null}", "{\"x-id\":2} {\"x-id\":3.5} {\"n\":null} {\"x-id\":3,\"x-id\":4} {\"x-id\":3,\"x-b\":4}")]
    [InlineData("""{"type": "object", "properties": {"n": {"type": "null"}}, "patternProperties": {"^x-": {"type": "integer"}}, "additionalProperties": false}""", "{} {\"n\":null,\"x-b\":4} {\"x-b\":4}", "{\"n\":null,\"n\":null} {\"m\":1} {\"x-b\":null}")]
    [InlineData("""{"type": "object", "additionalProperties": {"type": "integer"}, "propertyNames": {"pattern": "^[a-c]+$", "maxLength": 2}}""", "{} {\"a\":1,\"bc\":2}", "{\"d\":1} {\"abc\":1} {\"\":1} {\"a\":null}")]
    [InlineData("""{"type": "object", "additionalProperties": {"type": "integer"}, "propertyNames": {"enum": ["red", "blue"]}}""", "{} {\"red\":1} {\"red\":1,\"blue\":2} {\"blue\":2}", "{\"green\":1} {\"red\":null} {\"red\":1,\"red\":2}")]
    [InlineData("""{"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 2, "maxProperties": 3}""", "{\"a\":1,\"b\":2} {\"a\":1,\"b\":2,\"c\":3}", "{} {\"a\":1} {\"a\":1,\"b\":2,\"c\":3,\"d\":4}")]
    [InlineData("""{"type": "object", "properties": {"a": {"const": 1}, "b": {"const": 2}, "c": {"const": 3}}, "required": ["b"], "minProperties": 2, "maxProperties": 2}""", "{\"a\":1,\"b\":2} {\"b\":2,\"c\":3}", "{\"b\":2} {\"a\":1,\"b\":2,\"c\":3} {\"a\":1,\"c\":3}")]
    [InlineData("""{"type": "object", "properties": {"a": {"const": 1}, "b": {"const": 2}}, "minProperties": 1}""", "{\"a\":1,\"b\":2} {\"b\":2} {\"a\":1}", "{}")]
    [InlineData("""{"type": "array", "items": {"enum": ["a", "b", "c"]}, "uniqueItems": true, "maxItems": 2}""", "[] [\"a\"] [\"c\",\"a\"]", "[\"a\",\"a\"] [\"a\",\"b\",\"c\"] [\"d\"]")]
    [InlineData("""{"type": "array", "items": {"type": "string"}, "uniqueItems": true, "maxItems": 1}""", "[] [\"a\"]", "[\"a\",\"a\"]")]
    [InlineData("""{"enum": ["ab", "abc", 3, 5, 5.5, null], "minLength": 3, "minimum": 4, "multipleOf": 1}""", "\"abc\" 5 null", "\"ab\" 3 5.5")]
    [InlineData("""{"enum": [{"a": 1}, {"a": 1, "b": 2}, [1], [1, 2]], "required": ["b"], "maxItems": 1}""", "{\"a\":1,\"b\":2} [1]", "{\"a\":1} [1,2]")]
    [InlineData("""{"type": "integer", "multipleOf": 7}""", "0 7 -14 70 700000007", "1 -6 08 00 15")]
    [InlineData("""{"type": "integer", "multipleOf": 5, "exclusiveMinimum": 0}""", "5 10 125", "0 -5 6")]
    [InlineData("""{"type": "number", "multipleOf": 25, "minimum": -30, "maximum": 80}""", "-25 0 25 50 75", "-50 100 5 -0")]
    [InlineData("""{"type": "number", "multipleOf": 0.01}""", "0 1 -12.5 3.14 0.10", "0.001 3.141 1e5")]
    [InlineData("""{"type": "number", "multipleOf": 0.01, "minimum": 0.5, "exclusiveMaximum": 2}""", "0.5 0.51 1 1.99 1.9", "0.49 2 1.999 2.00 0.505")]
    [InlineData("""{"type": "string", "format": "json-pointer"}""", "\"\" \"/a/b~1c/0\"", "\"a\" \"/a~2\"")]
    [InlineData("""{}""", "{\"a\":[1,true,{\"b\":null}]} 1 \"x\" [] {}", "{a:1} [1,] tru {\"a\"}")]
    public void Schema_Values_AreTakenOrNot(string schema, string taken, string refused)
    {
        foreach (string text in taken.Split(' ')) Takes(Constraints.JsonSchema(Json(schema)), text).ShouldBeTrue(text);
        foreach (string text in refused.Split(' ')) Takes(Constraints.JsonSchema(Json(schema)), text).ShouldBeFalse(text);
    }

    [Fact]
    public void Schema_Whitespace_IsWhatAWriterPuts()
    {
        const string Schema = """{"type": "object", "properties": {"a": {"type": "array", "items": {"type": "integer"}}}, "required": ["a"]}""";
        foreach (string text in new[] { "{\"a\": [1, 2]}", "{\n  \"a\": [\n    1,\n    2\n  ]\n}", " { \"a\": [ ] }" }) Takes(Constraints.JsonSchema(Json(Schema)), text).ShouldBeTrue(text);
        Takes(Constraints.JsonSchema(Json(Schema)), "{\"a\":[1]} ").ShouldBeFalse();
    }

    [Theory]
    [InlineData("""{"type": "array", "uniqueItems": true}""", "#", "uniqueItems")]
    [InlineData("""{"type": "object", "patternProperties": {"^a": {"type": "integer"}, "b$": {"type": "string"}}}""", "#", "may match '^a' and 'b$'")]
    [InlineData("""{"type": "object", "patternProperties": {"^a": false}}""", "#/patternProperties", "^a")]
    [InlineData("""{"type": "object", "patternProperties": {"(?=a)": {}}}""", "#", "look-around")]
    [InlineData("""{"allOf": [{"patternProperties": {"^a": {}}, "additionalProperties": false}, {"properties": {"ab": {}}}]}""", "#", "patternProperties")]
    [InlineData("""{"type": "object", "propertyNames": {"pattern": "^a"}, "properties": {"ab": {}}, "additionalProperties": true}""", "#", "propertyNames")]
    [InlineData("""{"type": "object", "propertyNames": {"pattern": "^a"}, "required": ["b"]}""", "#", "does not allow it")]
    [InlineData("""{"type": "object", "properties": {"a": {}}, "minProperties": 2}""", "#", "minProperties")]
    [InlineData("""{"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a", "b"], "maxProperties": 1}""", "#", "maxProperties")]
    [InlineData("""{"type": "array", "items": {"type": "string"}, "uniqueItems": true}""", "#", "at most 8 values")]
    [InlineData("""{"type": "array", "items": {"enum": [1, 2]}, "uniqueItems": true, "minItems": 3}""", "#", "2 different ones")]
    [InlineData("""{"enum": ["a", "b"], "minLength": 2}""", "#", "goes with the other keywords")]
    [InlineData("""{"type": "number", "multipleOf": 0.25}""", "#", "multipleOf")]
    [InlineData("""{"type": "number", "multipleOf": 0.1, "minimum": 0.55}""", "#", "more digits")]
    [InlineData("""{"type": "integer", "multipleOf": 7, "maximum": 100}""", "#", "from 0 on")]
    [InlineData("""{"type": "integer", "multipleOf": 7, "minimum": 8, "maximum": 13}""", "#", "no multiple of 7")]
    [InlineData("""{"type": "string", "format": "klingon"}""", "#", "format")]
    [InlineData("""{"type": "string", "pattern": "(?=a)b"}""", "#", "look-around")]
    [InlineData("""{"type": "string", "pattern": "(a)\\1"}""", "#", "back-reference")]
    [InlineData("""{"oneOf": [{"type": "string"}, {"type": "string", "pattern": "^a"}]}""", "#", "oneOf")]
    [InlineData("""{"$ref": "#/$defs/none"}""", "#", "$ref")]
    [InlineData("""{"$ref": "http://example.com/x"}""", "#", "$ref")]
    [InlineData("""{"type": "integer", "minimum": 5, "maximum": 4}""", "#", "minimum")]
    [InlineData("""{"type": "strin"}""", "#", "type")]
    [InlineData("""{"$ref": "#"}""", "#", "itself")]
    [InlineData("""{"anyOf": [{"$ref": "#"}]}""", "", "itself")]
    [InlineData("""{"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}""", "", "no end")]
    [InlineData("""{"type": "object", "properties": {"a": false}, "required": ["a"]}""", "#/properties/a", "required")]
    [InlineData("""{"type": "string", "minLength": 5, "maxLength": 4}""", "#", "minLength")]
    [InlineData("""{"type": "string", "maxLength": -1}""", "#", "maxLength")]
    [InlineData("""{"type": 5}""", "", "broken")]
    [InlineData("""[]""", "", "object")]
    public void Schema_CannotBeHonoured_SaysWhereAndWhat(string schema, string path, string what)
    {
        if (schema.Contains("\"#\"", StringComparison.Ordinal)) what = ""; // which of the circles is named does not matter
        string message = Should.Throw<IngotException>(() => Constraints.JsonSchema(Json(schema))).Message;
        message.ShouldContain(path);
        message.ShouldContain(what);
    }

    [Fact]
    public void Regex_RandomText_Matches()
    {
        var random = new Random(9);
        foreach (string pattern in new[] { "[a-f0-9]{4,8}", "(yes|no)(, (yes|no))*", "\\d+(\\.\\d{2})?", "日本?語*", "a|bc|", "(?i)abc" })
        {
            for (int i = 0; i < 10; i++)
                if (Generate(Constraints.Regex(pattern), random, 200) is { } text) System.Text.RegularExpressions.Regex.IsMatch(text, $"\\A(?:{pattern})\\z").ShouldBeTrue($"{pattern}: {text}");
        }
    }

    [Fact]
    public void Choice_RandomText_IsOneOfThem()
    {
        string[] texts = ["yes", "yesno", "no", "日本", "a\"b"];
        var random = new Random(2);
        HashSet<string> seen = [];
        for (int i = 0; i < 100; i++) seen.Add(Generate(Constraints.Choice(texts), random, 50)!);
        seen.Order().ShouldBe(texts.Order());
    }

    [Fact]
    public void JsonObject_RandomText_IsAnObject()
    {
        var random = new Random(8);
        int ended = 0;
        for (int i = 0; i < 30; i++)
        {
            if (Generate(Constraints.JsonObject(), random, 300) is not { } text) continue;
            ended++;
            Json(text).ValueKind.ShouldBe(JsonValueKind.Object);
        }
        ended.ShouldBeGreaterThan(20);
    }

    [Fact]
    public void Mask_EqualsTryingEveryToken()
    {
        var random = new Random(4);
        var schema = Json("""{"type": "object", "properties": {"name": {"type": "string", "maxLength": 6}, "n": {"type": "array", "items": {"type": "number"}}}, "required": ["name"], "additionalProperties": true}""");
        var constraint = Constraints.JsonSchema(schema);
        var logits = new float[Tokens.VocabularySize];
        for (int step = 0; step < 60; step++)
        {
            Array.Clear(logits);
            constraint.Mask(logits);
            List<int> allowed = [];
            for (int id = 0; id < logits.Length; id++)
            {
                bool isAllowed = true;
                try { constraint.Clone().Accept(id); }
                catch (IngotException) { isAllowed = false; }
                (logits[id] == 0).ShouldBe(isAllowed, Tokens.TokenText(id));
                if (isAllowed && id != End) allowed.Add(id);
            }
            if (allowed.Count == 0) break;
            constraint.Accept(allowed[random.Next(allowed.Count)]);
        }
    }

    /// <summary>The vocabulary again, and all formats' marks as special tokens.</summary>
    static Tokenizer MarkedVocabulary(ToolFormat format)
    {
        var vocabulary = Enumerable.Range(0, 256).ToDictionary(b => ByteAlphabet.Char((byte)b).ToString(), b => b);
        string[] special = ["<end>", .. format.Markers];
        var json = new
        {
            version = "1.0",
            added_tokens = special.Select((text, i) => new { id = 256 + i, content = text, single_word = false, lstrip = false, rstrip = false, normalized = false, special = true }),
            decoder = new { type = "ByteLevel", add_prefix_space = false, trim_offsets = true, use_regex = false },
            pre_tokenizer = new { type = "ByteLevel", add_prefix_space = false, trim_offsets = true, use_regex = false },
            model = new { type = "BPE", vocab = vocabulary, merges = Array.Empty<string>() },
        };
        return TokenizerFile.FromJson(JsonSerializer.SerializeToUtf8Bytes(json), "test");
    }

    [Theory]
    [InlineData("hermes"), InlineData("llama3"), InlineData("mistral"), InlineData("phi"), InlineData("pythonic"), InlineData("ingot")]
    public void FormOrCalls_RandomText_IsTheFormOrCallsAndNothingElse(string name)
    {
        var format = new[] { ToolFormat.Hermes, ToolFormat.Llama3, ToolFormat.Mistral, ToolFormat.Phi, ToolFormat.Pythonic, ToolFormat.Ingot }.Single(f => f.Name == name);
        var tokenizer = MarkedVocabulary(format);
        int end = tokenizer.TokenId("<end>")!.Value;
        ToolDefinition[] tools = [new("paint", null, Json("""{"type": "object", "properties": {"color": {"enum": ["red", "a \"b\""]}, "n": {"type": "integer", "minimum": 0, "maximum": 99}}, "required": ["color"]}""")), new("calculator", null, null)];
        var constraints = new TokenConstraints(tokenizer, [end], format);
        var random = new Random(5);
        int calls = 0, words = 0, several = 0;
        for (int round = 0; round < 60; round++)
        {
            bool allowsSeveral = round % 2 == 0;
            var constraint = constraints.FormOrCalls(new AnswerForm.Choice(["yes", "no"]), tools, allowsSeveral);
            var text = new StringBuilder();
            var logits = new float[tokenizer.VocabularySize];
            for (int steps = 0; ; steps++)
            {
                steps.ShouldBeLessThan(5_000);
                Array.Clear(logits);
                constraint.Mask(logits);
                int[] allowed = [.. Enumerable.Range(0, logits.Length).Where(i => logits[i] == 0)];
                int token = logits[end] == 0 && random.Next(3) == 0 ? end : allowed[random.Next(allowed.Length)];
                constraint.Accept(token);
                if (token == end) break;
                text.Append(token < 256 ? ((char)token).ToString() : tokenizer.TokenText(token));
            }
            var parser = format.NewParser(tools);
            AssistantEvent[] events = [.. parser.Add(text.ToString()), .. parser.Finish()];
            int made = events.Count(e => e is ToolCallEnded);
            events.ShouldNotContain(e => e is ToolCallBroken, text.ToString());
            if (made > 0)
            {
                calls++;
                if (made > 1) several++;
                if (!allowsSeveral) made.ShouldBe(1, text.ToString());
                events.OfType<ContentDelta>().ShouldAllBe(c => string.IsNullOrWhiteSpace(c.Text), text.ToString());
                foreach (var call in events.OfType<ToolCallEnded>().Where(c => c.Call.Name == "paint")) JsonNode.Parse(call.Call.Arguments)!["color"]!.GetValue<string>().ShouldBeOneOf("red", "a \"b\"");
            }
            else
            {
                words++;
                string.Concat(events.OfType<ContentDelta>().Select(c => c.Text)).ShouldBeOneOf("yes", "no");
            }
        }
        (calls > 0, words > 0, several > 0).ShouldBe((true, true, name is not ("llama3" or "ingot")));
    }

    [Fact]
    public void Clone_GoesItsOwnWay()
    {
        var a = Constraints.Choice(["ab", "ac"]);
        Say(a, "a");
        var b = a.Clone();
        Say(a, "b");
        Say(b, "c");
        (a.IsComplete, b.IsComplete).ShouldBe((true, true));
        b.Accept(End);
        Should.Throw<IngotException>(() => b.Accept(End));
        Should.Throw<IngotException>(() => Constraints.Choice(["ab"]).Accept(End)).Message.ShouldContain("not complete");
    }

    [Fact]
    public void Schema_Large_CostsInProportion()
    {
        static (long Memory, long Work) Cost(int properties)
        {
            var o = new JsonObject();
            for (int i = 0; i < properties; i++) o[$"property{i}"] = new JsonObject { ["type"] = "object", ["properties"] = new JsonObject { ["x"] = new JsonObject { ["type"] = "integer", ["minimum"] = i } } };
            var schema = Json(new JsonObject { ["type"] = "object", ["properties"] = o }.ToJsonString());
            long before = GC.GetAllocatedBytesForCurrentThread();
            var c = Constraints.JsonSchema(schema);
            Say(c, "{\"property");
            c.Mask(new float[Tokens.VocabularySize]);
            return (GC.GetAllocatedBytesForCurrentThread() - before, ((AutomatonConstraint)c).Work);
        }
        Cost(50);
        var (small, large) = (Cost(200), Cost(1600));
        // Eight times the schema; a quadratic cost would be 64 times as much.
        ((double)large.Memory / small.Memory).ShouldBeLessThan(16);
        ((double)large.Work / small.Work).ShouldBeLessThan(16);
    }

    [Fact]
    public void Mask_TooCostlyPattern_IsRefusedByName()
    {
        // Each of 69 characters leads to a state of its own, with some 6,000 places, and a second one to others.
        string ranges = string.Join('|', Enumerable.Range('0', 'z' - '0' + 1).Select(c => (char)c).Where(char.IsAsciiLetterOrDigit).Concat(":;<=>?@").Select(c => $"[{c}-~]"));
        var c = Constraints.Regex($"(?:(?:{ranges})?){{88}}");
        Should.Throw<IngotException>(() => c.Mask(new float[Tokens.VocabularySize])).Message.ShouldStartWith("the pattern (?:(?:[0-~]|[1-~]|");
        ((AutomatonConstraint)c).Work.ShouldBeInRange(1_000_000, 2_000_000); // some tenths of a second on an idle machine
        Should.Throw<IngotException>(() => Constraints.Regex("(?:a{0,300}){0,300}")).Message.ShouldContain("(?:a{0,300}){0,300}");
        // Found by fuzzing: a thousand copies of a large class took five seconds and 170 MB, while other requests waited.
        Should.Throw<IngotException>(() => Constraints.Regex(@"(?:(杨|\p{L})){0,12}{1,30}{3}\.0041")).Message.ShouldContain("edges");
    }

    /// <summary>What is asked at borders alone is what asking every code point gives.</summary>
    [Theory]
    [InlineData(false, false, false)]
    [InlineData(true, false, false)]
    [InlineData(true, true, false)]
    [InlineData(true, true, true)]
    [InlineData(false, true, true)]
    public void RangesOf_Classes_AreThoseOfEveryCodePoint(bool hasCategories, bool ignoresCase, bool isNegated)
    {
        var set = new CodePointSet { Categories = hasCategories ? CodePoint.Lu | CodePoint.Digit : 0, IgnoresCase = ignoresCase, IsNegated = isNegated, Ranges = { ('k', 's'), (0x3B1, 0x3C9), (0x10400, 0x10410) }, Parts = { CodePointSet.Of(CodePoint.White) }, Cuts = { new CodePointSet { Ranges = { (0, 0x1F600) } }.Freeze() } }.Freeze();
        var ranges = RegexGrammar.RangesOf(set);
        var has = new bool[0x110000];
        foreach (var (first, last) in ranges) has.AsSpan(first, last - first + 1).Fill(true);
        Enumerable.Range(0, 0x110000).Where(c => c is < 0xD800 or > 0xDFFF).Count(c => has[c] != set.Contains(c)).ShouldBe(0);
        ranges.Length.ShouldBeGreaterThan(1);
    }

    /// <summary>A text is told apart by which of its last 40 letters were an a: there are 2^40 states.</summary>
    [Fact]
    public void Automaton_ExponentiallyManyStates_AreFreed()
    {
        var grammar = new Grammar();
        int root = grammar.NewRule();
        grammar.Nothing(RegexGrammar.Add(grammar, grammar.Start(root), "[ab]*a[ab]{40}", isWhole: true, Writing.Plain), grammar.End(root));
        grammar.Finish(root);
        var automaton = new Automaton(grammar, root, "the pattern");
        var random = new Random(3);
        WeakReference Walk(int steps)
        {
            WeakReference early = null!;
            var state = automaton.Start;
            for (int i = 0; i < steps; i++)
            {
                automaton.BeginToken();
                state = automaton.Step(state, (byte)(random.Next(2) == 0 ? 'a' : 'b'));
                state.IsDead.ShouldBeFalse();
                if (i == 50) early = new(state);
                automaton.Kept.ShouldBeLessThan(601_000);
            }
            return early;
        }
        var early = Walk(30_000);
        GC.Collect();
        early.IsAlive.ShouldBeFalse();
        // What was forgotten is found out again, the same.
        var at = automaton.Start;
        foreach (byte b in System.Text.Encoding.ASCII.GetBytes("bba" + new string('b', 40))) at = automaton.Step(at, b);
        at.IsAccepting.ShouldBeTrue();
        automaton.Step(at, (byte)'b').IsAccepting.ShouldBeFalse();
    }

    [Fact]
    public void Mask_RealVocabulary_LooksAtEveryByteOfItOnce()
    {
        var tokenizer = TokenizerFile.Load(SharedData.Path("tokenizers/o200k_base.tiktoken"));
        var constraints = new TokenConstraints(tokenizer, [tokenizer.TokenId("<|endoftext|>")!.Value]);
        var schema = Json("""{"type": "object", "properties": {"text": {"type": "string"}, "n": {"type": "integer"}}, "required": ["text", "n"]}""");
        var logits = new float[tokenizer.VocabularySize];
        constraints.JsonSchema(schema).Mask(logits);
        var c = (AutomatonConstraint)constraints.JsonSchema(Json("""{"title": "another", "type": "object", "properties": {"text": {"type": "string"}, "n": {"type": "integer"}}, "required": ["text", "n"]}"""));
        foreach (byte b in "{\"text\":\"a"u8) c.Accept(tokenizer.TokenId(ByteAlphabet.Char(b).ToString()) ?? tokenizer.Encode(((char)b).ToString())[0]);
        long begun = c.Work;
        c.Mask(logits);
        long first = c.Work - begun;
        // Within a string nearly every token may follow. The tokens have 1.3 million bytes in all; those that they begin with in common are looked at once.
        first.ShouldBeInRange(tokenizer.VocabularySize, Enumerable.Range(0, tokenizer.VocabularySize).Where(id => tokenizer.TokenText(id) is not null).Sum(id => tokenizer.BytesOf(id).Length));
        c.Mask(logits);
        (c.Work - begun).ShouldBe(first); // what was found out is kept
    }
}
