using System.Text.Json;
using System.Text.Json.Nodes;
using Ingot.Llm.Generation;

namespace Ingot.Llm.Tests.Constraints;

/// <summary>Keywords that say what must not be, or what must be if something else is.</summary>
public partial class TokenConstraintsTests
{
    [Theory]
    [InlineData("""{"type": "integer", "not": {"const": 5}}""", "4 55 0 -5", "5 5.0")]
    [InlineData("""{"type": "number", "not": {"enum": [0, 1.5]}}""", "1 1.51 -1.5 15 0.1", "0 -0 0.0 1.5 1.50 15e-1")]
    [InlineData("""{"type": "number", "minimum": 0, "maximum": 2, "not": {"const": 1}}""", "0 1.1 2 0.9", "1 1.0 1.00 3")]
    [InlineData("""{"type": "string", "not": {"enum": ["ab", "a", ""]}}""", "\"abc\" \"b\" \"日\" \"\\n\"", "\"ab\" \"a\" \"\" \"\\u0061\"")]
    [InlineData("""{"type": "string", "pattern": "^[ab]{2}$", "not": {"const": "ab"}}""", "\"aa\" \"ba\"", "\"ab\" \"abb\"")]
    [InlineData("""{"type": "string", "maxLength": 2, "not": {"const": "ab"}}""", "\"aa\" \"\" \"b\"", "\"ab\" \"abb\"")]
    [InlineData("""{"type": ["boolean", "null"], "not": {"enum": [true, null]}}""", "false", "true null")]
    [InlineData("""{"not": {"type": ["object", "array", "string"]}}""", "1 null true", "{} [] \"\"")]
    [InlineData("""{"type": ["array", "string"], "not": {"const": []}, "items": {"type": "null"}}""", "[null] \"\"", "[]")]
    [InlineData("""{"type": "object", "properties": {"a": {}, "b": {}}, "not": {"required": ["a", "b"]}}""", "{} {\"a\":1} {\"b\":1}", "{\"a\":1,\"b\":1}")]
    [InlineData("""{"type": "object", "not": {"properties": {"a": {"const": 1}}}}""", "{\"a\":2} {\"a\":null,\"c\":1}", "{} {\"a\":1} {\"b\":1}")]
    [InlineData("""{"type": "object", "properties": {"a": {"not": {}}, "b": {"const": 1}}}""", "{} {\"b\":1}", "{\"a\":1}")]
    [InlineData("""{"type": "string", "not": {"anyOf": [{"minLength": 3}, {"const": "ab"}]}}""", "\"\" \"aa\"", "\"abc\" \"ab\"")]
    [InlineData("""{"type": "integer", "not": {"allOf": [{"minimum": 3}, {"maximum": 5}]}}""", "2 6 -4", "3 4 5")]
    [InlineData("""{"type": "array", "items": {"enum": [1, 2]}, "not": {"items": {"const": 1}}}""", "[2] [1,2] [2,1,1]", "[] [1] [1,1]")]
    [InlineData("""{"type": "object", "properties": {"k": {"enum": ["x", "y"]}, "n": {"type": "integer"}}, "required": ["k"], "if": {"properties": {"k": {"const": "x"}}}, "then": {"required": ["n"]}, "else": {"properties": {"n": false}}}""", "{\"k\":\"x\",\"n\":1} {\"k\":\"y\"}", "{\"k\":\"x\"} {\"k\":\"y\",\"n\":1}")]
    [InlineData("""{"type": "object", "properties": {"k": {"enum": ["x", "y", "z"]}}, "required": ["k"], "allOf": [{"if": {"properties": {"k": {"const": "x"}}, "required": ["k"]}, "then": {"properties": {"v": {"type": "integer"}}, "required": ["v"]}}, {"if": {"properties": {"k": {"const": "y"}}, "required": ["k"]}, "then": {"properties": {"v": {"type": "null"}}, "required": ["v"]}}]}""",
        "{\"k\":\"x\",\"v\":1} {\"k\":\"y\",\"v\":null} {\"k\":\"z\"}", "{\"k\":\"x\"} {\"k\":\"y\",\"v\":1} {\"k\":\"x\",\"v\":null}")]
    [InlineData("""{"type": ["integer", "string"], "if": {"type": "integer"}, "then": {"minimum": 5}, "else": {"maxLength": 1}}""", "5 \"a\"", "4 \"ab\"")]
    [InlineData("""{"type": "integer", "if": {"minimum": 10}, "then": {"multipleOf": 5, "maximum": 20}}""", "10 15 9 -3", "11 25")]
    [InlineData("""{"if": {"type": "string"}, "then": false, "type": ["string", "null"]}""", "null", "\"a\"")]
    [InlineData("""{"type": "object", "properties": {"a": {"const": 1}, "b": {"const": 2}, "c": {"const": 3}}, "dependentRequired": {"a": ["c"], "c": ["b"]}}""", "{} {\"b\":2} {\"b\":2,\"c\":3} {\"a\":1,\"b\":2,\"c\":3}", "{\"a\":1} {\"c\":3} {\"a\":1,\"c\":3} {\"a\":1,\"b\":2}")]
    [InlineData("""{"type": "object", "dependentRequired": {"a": ["b"]}}""", "{} {\"b\":2} {\"a\":1,\"b\":2} {\"x\":2}", "{\"a\":1} {\"x\":2,\"a\":1}")]
    [InlineData("""{"type": "object", "properties": {"a": {"const": 1}, "b": {"const": 2}}, "required": ["a"], "dependentRequired": {"a": ["b"]}}""", "{\"a\":1,\"b\":2}", "{\"a\":1} {}")]
    [InlineData("""{"type": "object", "properties": {"a": {"const": 1}, "b": {"const": 2}}, "additionalProperties": false, "dependentRequired": {"b": ["x"]}}""", "{\"a\":1} {}", "{\"b\":2} {\"b\":2,\"x\":1}")]
    [InlineData("""{"type": "object", "properties": {"card": {"type": "integer"}, "name": {"type": "string"}}, "dependentSchemas": {"card": {"properties": {"address": {"type": "null"}}, "required": ["address"]}}}""", "{} {\"name\":\"a\"} {\"card\":1,\"address\":null} {\"card\":1,\"name\":\"\",\"address\":null}", "{\"card\":1} {\"card\":1,\"address\":2}")]
    [InlineData("""{"type": "object", "properties": {"a": {"const": 1}, "b": {"const": 2}}, "dependencies": {"a": ["b"]}}""", "{} {\"b\":2} {\"a\":1,\"b\":2}", "{\"a\":1}")]
    [InlineData("""{"type": "array", "items": {"enum": [1, 2, 3]}, "contains": {"const": 2}}""", "[2] [1,2] [2,2,3]", "[] [1] [1,3]")]
    [InlineData("""{"type": "array", "items": {"enum": [1, 2, 3]}, "contains": {"const": 2}, "minContains": 2, "maxContains": 2, "maxItems": 3}""", "[2,2] [2,1,2] [2,2,3]", "[2] [2,2,2] [1,3] [2,2,1,1]")]
    [InlineData("""{"type": "array", "contains": {"type": "string"}, "maxContains": 1, "minContains": 0}""", "[] [\"a\"] [1,\"a\",null]", "[\"a\",\"b\"] [1,\"a\",\"b\"]")]
    [InlineData("""{"type": "array", "prefixItems": [{"const": "x"}], "items": {"type": "integer"}, "contains": {"minimum": 10, "type": "integer"}, "minContains": 2}""", "[\"x\",10,11] [\"x\",1,10,2,12]", "[\"x\",10] [10,10] [\"x\",1,2]")]
    [InlineData("""{"allOf": [{"type": "array", "prefixItems": [{"type": ["string", "integer"]}]}, {"items": {"type": "integer"}}]}""", "[1] [1,2] []", "[\"a\"] [1,\"a\"]")]
    [InlineData("""{"type": "object", "allOf": [{"properties": {"a": {"const": 1}}}, {"$ref": "#/$defs/b"}], "properties": {"c": {"const": 3}}, "unevaluatedProperties": false, "$defs": {"b": {"properties": {"b": {"const": 2}}, "required": ["b"]}}}""", "{\"b\":2} {\"c\":3,\"a\":1,\"b\":2}", "{\"b\":2,\"d\":1} {\"a\":1}")]
    [InlineData("""{"type": "object", "properties": {"k": {"enum": ["x", "y"]}}, "required": ["k"], "if": {"properties": {"k": {"const": "x"}}}, "then": {"properties": {"n": {"type": "integer"}}}, "unevaluatedProperties": false}""", "{\"k\":\"x\"} {\"k\":\"x\",\"n\":1} {\"k\":\"y\"}", "{\"k\":\"y\",\"n\":1} {\"k\":\"x\",\"m\":1}")]
    [InlineData("""{"type": "object", "not": {"properties": {"a": {"const": 1}}}, "properties": {"b": {}}, "unevaluatedProperties": {"type": "integer"}}""", "{\"b\":true,\"a\":2} {\"a\":3,\"z\":4}", "{\"a\":1} {\"a\":true} {\"b\":1}")]
    [InlineData("""{"type": "object", "patternProperties": {"^x": {"type": "integer"}}, "properties": {"a": {"const": 1}}, "unevaluatedProperties": false}""", "{} {\"a\":1} {\"a\":1,\"xy\":2}", "{\"b\":1} {\"xy\":true}")]
    [InlineData("""{"type": "array", "allOf": [{"prefixItems": [{"const": 1}]}], "prefixItems": [true, {"const": 2}], "unevaluatedItems": false}""", "[] [1] [1,2]", "[2] [1,2,3]")]
    [InlineData("""{"type": "array", "prefixItems": [{"const": 1}], "contains": {"const": 2}, "unevaluatedItems": {"const": 3}}""", "[1,2] [1,3,2,2]", "[1] [1,3] [1,2,4]")]
    [InlineData("""{"type": "object", "properties": {"a": {"const": 1}, "b": {"const": 2}}, "oneOf": [{"required": ["a"]}, {"required": ["b"]}]}""", "{\"a\":1} {\"b\":2}", "{} {\"a\":1,\"b\":2}")]
    [InlineData("""{"oneOf": [{"type": "integer", "minimum": 0, "maximum": 9}, {"type": "integer", "minimum": 5, "maximum": 20}]}""", "4 10 20 0", "5 9 21")]
    [InlineData("""{"allOf": [{"patternProperties": {"^a": {"type": "integer"}}}, {"properties": {"ab": {"minimum": 3}}}], "type": "object"}""", "{} {\"ab\":3}", "{\"ab\":2} {\"ab\":\"x\"}")]
    public void Schema_Conditions_AreTakenOrNot(string schema, string taken, string refused) => Schema_Values_AreTakenOrNot(schema, taken, refused);

    [Theory]
    [InlineData("""{"type": "string", "not": {"pattern": "^a"}}""", "#/not", "'pattern'")]
    [InlineData("""{"type": "object", "properties": {"a": {"if": {"multipleOf": 3}, "then": {"minimum": 0}}}}""", "#/properties/a/if", "'multipleOf'")]
    [InlineData("""{"not": {}}""", "#", "not")]
    [InlineData("""{"type": "array", "not": {"const": [1]}}""", "#", "only empty ones")]
    [InlineData("""{"type": "boolean", "not": {"enum": [true, false]}}""", "#", "nothing is left")]
    [InlineData("""{"type": "array", "contains": {"pattern": "a"}, "maxContains": 2}""", "#/contains", "'pattern'")]
    [InlineData("""{"type": "array", "contains": true, "minContains": 3, "maxContains": 2}""", "#", "minContains")]
    [InlineData("""{"type": "array", "contains": true, "minContains": 3, "maxItems": 2}""", "#", "minContains")]
    [InlineData("""{"type": "array", "contains": {}, "minContains": 100}""", "#", "64")]
    [InlineData("""{"type": "object", "properties": {"b": false}, "required": ["a"], "dependentRequired": {"a": ["b"]}}""", "#", "dependentRequired")]
    [InlineData("""{"type": "object", "required": ["a"], "dependentSchemas": {"a": false}}""", "#/dependentSchemas/a", "dependentSchemas")]
    [InlineData("""{"type": "object", "if": true, "then": false}""", "#", "if")]
    [InlineData("""{"type": "integer", "multipleOf": 7, "not": {"const": 14}}""", "#", "between two bounds")]
    public void Schema_ConditionsThatCannotBeHonoured_SayWhereAndWhat(string schema, string path, string what) => Schema_CannotBeHonoured_SaysWhereAndWhat(schema, path, what);

    [Fact]
    public void Schema_RandomConditions_WhatEndsIsValid()
    {
        var random = new Random(11);
        int ended = 0, refused = 0;
        const int Rounds = 250;
        for (int i = 0; i < Rounds; i++)
        {
            var schema = Json(Conditional(random, 2).ToJsonString());
            ITokenConstraint constraint;
            try { constraint = Constraints.JsonSchema(schema); }
            catch (IngotException e)
            {
                TestContext.Current.TestOutputHelper?.WriteLine(e.Message);
                refused++;
                continue;
            }
            for (int walk = 0; walk < 4; walk++)
            {
                if (Generate(constraint.Clone(), random, 120, patience: 12) is not { } text) continue;
                ended++;
                using var value = JsonDocument.Parse(text);
                PlainValidator.IsValid(schema, value.RootElement, schema).ShouldBeTrue($"{schema}\n{text}");
            }
        }
        refused.ShouldBeLessThan(Rounds / 2); // most of them contradict themselves
        ended.ShouldBeGreaterThan(Rounds);
    }

    /// <summary>A few values and names only, so that conditions often meet.</summary>
    static JsonObject Conditional(Random random, int depth)
    {
        JsonNode Value() => random.Next(6) switch { 0 => "x", 1 => "yz", 2 => 1, 3 => 2.5, 4 => true, _ => JsonNode.Parse("null")! };
        string Name() => new[] { "a", "b", "c" }[random.Next(3)];
        JsonObject Leaf() => random.Next(7) switch
        {
            0 => new() { ["const"] = random.Next(2) == 0 ? "x" : "yz" },
            1 => new() { ["enum"] = new JsonArray("x", 1, 2.5, true) },
            2 => new() { ["type"] = "integer", ["minimum"] = random.Next(4) },
            3 => new() { ["type"] = "string", ["maxLength"] = 1 + random.Next(3) },
            4 => new() { ["type"] = "boolean" },
            5 => new() { ["not"] = new JsonObject { ["const"] = Value() } },
            _ => new() { ["type"] = new JsonArray("integer", "null") },
        };
        JsonObject Condition()
        {
            switch (random.Next(7))
            {
                case 0: return new() { ["required"] = new JsonArray(Name()) };
                case 1: return new() { ["properties"] = new JsonObject { [Name()] = Leaf() } };
                case 2: return new() { ["properties"] = new JsonObject { [Name()] = Leaf() }, ["required"] = new JsonArray(Name()) };
                case 3: return new() { ["not"] = Condition() };
                case 4: return new() { ["anyOf"] = new JsonArray(Condition(), Condition()) };
                case 5: return new() { ["minProperties"] = 1 + random.Next(2) };
                default: return new() { ["type"] = random.Next(3) == 0 ? "array" : "object" };
            }
        }
        if (depth == 0 || random.Next(5) == 0) return Leaf();
        JsonObject schema;
        if (random.Next(3) == 0)
        {
            schema = new() { ["type"] = "array", ["items"] = Conditional(random, depth - 1), ["maxItems"] = 2 + random.Next(3) };
            if (random.Next(2) == 0) schema["prefixItems"] = new JsonArray(Conditional(random, 0), true);
            switch (random.Next(5))
            {
                case 0: schema["not"] = new JsonObject { ["contains"] = Leaf() }; break;
                case 1:
                    schema.Remove("items");
                    schema["unevaluatedItems"] = random.Next(2) == 0 ? false : Leaf();
                    schema["contains"] = Leaf();
                    break;
                case 2:
                    schema["contains"] = Leaf();
                    schema["minContains"] = random.Next(3);
                    schema["maxContains"] = 2;
                    break;
                case 3: schema["allOf"] = new JsonArray(new JsonObject { ["if"] = new JsonObject { ["contains"] = Leaf() }, ["then"] = new JsonObject { ["minItems"] = 2 }, ["else"] = new JsonObject { ["items"] = Leaf() } }); break;
                default: schema["contains"] = Leaf(); break;
            }
            return schema;
        }
        schema = new() { ["type"] = "object", ["properties"] = new JsonObject { ["a"] = Conditional(random, depth - 1), ["b"] = Leaf() } };
        if (random.Next(2) == 0) schema["required"] = new JsonArray("a");
        for (int i = 1 + random.Next(2); i > 0; i--)
            switch (random.Next(8))
            {
                case 0: schema["not"] = Condition(); break;
                case 1:
                    schema["if"] = Condition();
                    schema["then"] = Condition();
                    break;
                case 2:
                    schema["if"] = Condition();
                    schema["else"] = random.Next(3) == 0 ? false : Condition();
                    break;
                case 3: schema["dependentRequired"] = new JsonObject { [Name()] = new JsonArray(Name(), Name()), [Name() + "x"] = new JsonArray(Name()) }; break;
                case 4: schema["dependentSchemas"] = new JsonObject { [Name()] = Condition() }; break;
                case 5: schema["oneOf"] = new JsonArray(Condition(), Condition()); break;
                case 6: schema["unevaluatedProperties"] = random.Next(2) == 0 ? false : Leaf(); break;
                default: schema["allOf"] = new JsonArray(new JsonObject { ["if"] = Condition(), ["then"] = new JsonObject { ["properties"] = new JsonObject { ["c"] = Leaf() }, ["required"] = new JsonArray("c") } }, Condition()); break;
            }
        return schema;
    }

    [Fact]
    public void Schema_ManyConditionsOnOneName_AreOneWayEach()
    {
        const int Kinds = 30;
        var conditions = Enumerable.Range(0, Kinds).Select(JsonNode? (k) => new JsonObject
        {
            ["if"] = new JsonObject { ["properties"] = new JsonObject { ["kind"] = new JsonObject { ["const"] = $"k{k}" } }, ["required"] = new JsonArray("kind") },
            ["then"] = new JsonObject { ["properties"] = new JsonObject { ["value"] = new JsonObject { ["const"] = k } }, ["required"] = new JsonArray("value") },
        });
        var schema = new JsonObject
        {
            ["type"] = "object",
            ["properties"] = new JsonObject { ["kind"] = new JsonObject { ["enum"] = new JsonArray([.. Enumerable.Range(0, Kinds).Select(k => JsonValue.Create($"k{k}"))]) } },
            ["required"] = new JsonArray("kind"),
            ["allOf"] = new JsonArray([.. conditions]),
        };
        var constraint = Constraints.JsonSchema(Json(schema.ToJsonString()));
        Takes(constraint.Clone(), "{\"kind\":\"k17\",\"value\":17}").ShouldBeTrue();
        Takes(constraint.Clone(), "{\"kind\":\"k17\",\"value\":16}").ShouldBeFalse();
        Takes(constraint.Clone(), "{\"kind\":\"k17\"}").ShouldBeFalse();
    }

    [Fact]
    public void Schema_CombinationsWithoutEnd_AreRefused()
    {
        // Each definition refers to the next one twice: 2^14 ways, none of which goes with the type beside them.
        JsonObject definitions = new() { ["d14"] = new JsonObject { ["type"] = "string" } };
        for (int i = 0; i < 14; i++) definitions[$"d{i}"] = new JsonObject { ["anyOf"] = new JsonArray(new JsonObject { ["$ref"] = $"#/$defs/d{i + 1}" }, new JsonObject { ["$ref"] = $"#/$defs/d{i + 1}" }) };
        foreach (string keyword in new[] { "$ref", "not" })
        {
            JsonObject reference = new() { ["$ref"] = "#/$defs/d0" };
            var schema = new JsonObject { ["type"] = keyword == "not" ? "string" : "integer", ["allOf"] = new JsonArray(keyword == "not" ? new JsonObject { ["not"] = reference } : reference), ["$defs"] = definitions.DeepClone() };
            Should.Throw<IngotException>(() => Constraints.JsonSchema(Json(schema.ToJsonString()))).Message.ShouldContain("#");
        }
    }

    [Fact]
    public void Schema_ManyDependentProperties_AreFollowedSideBySide()
    {
        // Twenty pairs side by side: as alternatives they would be a million.
        JsonObject properties = [], dependents = [];
        for (int i = 0; i < 20; i++)
        {
            properties[$"a{i}"] = new JsonObject { ["const"] = i };
            properties[$"b{i}"] = new JsonObject { ["const"] = i };
            dependents[$"a{i}"] = new JsonArray($"b{i}");
        }
        var constraint = Constraints.JsonSchema(Json(new JsonObject { ["type"] = "object", ["properties"] = properties, ["dependentRequired"] = dependents }.ToJsonString()));
        Takes(constraint.Clone(), "{\"b3\":3,\"a7\":7,\"b7\":7}").ShouldBeTrue();
        Takes(constraint.Clone(), "{\"b3\":3,\"a7\":7,\"b8\":8}").ShouldBeFalse();
    }
}
