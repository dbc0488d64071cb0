using System.Text;
using Ingot.Formats.Fuzzing;

namespace Ingot.Llm.Fuzzing;

// What fuzzing of templates, schemas and patterns begins from. Each is put together from parts, so that most are programs that do something.
public static partial class TextTargets
{
    static readonly string[] Atoms =
    [
        "messages", "messages[0]", "messages[-1].content", "message.role", "tools", "tools[0].function.parameters", "bos_token", "add_generation_prompt", "undefined_name", "none", "true", "0", "1", "-1", "2.5", "9223372036854775807", "'a'", "'%s and %d'",
        "''", "[]", "[1, 'a', none]", "{}", "{'a': 1, 'b': [2]}", "(1, 2)", "range(3)", "range(100000000)", "loop.index0", "loop.last", "ns.x", "namespace(x=1)", "x", "messages[1:]", "messages[::-1]", "'abc'[::-2]", "messages[5:2:-3]", "dict(a=1)", "cycler('a', 'b')", "joiner(', ')",
        "'\\x41\\u00e9\\U0001F600\\101\\n\\t\\r\\b\\f\\v\\a\\q\\\\\\''", "'\\xZZ'", "'\\u12'", "'\\ud83d'", "'\\U00110000'", "'\\x'", "'\\7'", "'a\\\nb'", "\"a\" 'b'", "1_000", "1.5e3", "2e-2", "1e", "1E+5", "1.", "x.0", "x.0.1", "x.99999999999999999999", "99999999999999999999", "True", "False", "None",
        "()", "(1,)", "[1,]", "{'a': 1,}", "messages[1:2]", "messages[:]", "messages[::]", "messages[:2:]", "-1", "+1", "(1, 2)[0]", "messages.0.role", "x.'a'", "{1}", "[1 2]", "{'a' 1}", "()()",
    ];

    static readonly string[] Operations =
    [
        "(A + B)", "(A ~ B)", "(A * B)", "(A - B)", "(A / B)", "(A // B)", "(A % B)", "(A ** B)", "(A == B)", "(A < B)", "(A in B)", "(A and B)", "(A or not B)", "(A if B else A)", "A[B]", "-A", "(A is defined)", "(A is mapping)", "(A is string)", "(A is divisibleby(B))", "(A is sameas B)",
        "(A | trim)", "(A | tojson)", "(A | tojson(indent=2))", "(A | length)", "(A | list)", "(A | join(B))", "(A | first)", "(A | last)", "(A | default(B))", "(A | replace('a', B))", "(A | upper)", "(A | string)", "(A | int)", "(A | float)", "(A | sort)", "(A | unique | list)", "(A | reverse | list)",
        "(A | map(attribute='role') | list)", "(A | selectattr('role', 'equalto', 'user') | list)", "(A | rejectattr('content') | list)", "(A | map('upper') | list)", "(A | items | list)", "(A | dictsort)", "(A | groupby('role'))", "(A | batch(B) | list)", "(A | slice(2) | list)", "(A | sum)", "(A | min)", "(A | max)", "(A | round(1))",
        "(A | abs)", "(A | indent(4))", "(A | wordcount)", "(A | center(40))", "(A | truncate(5))", "(A | safe)", "(A | e)", "(A | format(B))", "A.split('a')", "A.strip()", "A.startswith('a')", "A.items()", "A.keys()", "A.get('role', B)", "A.replace('a', 'bb')", "A.append(B)", "A.upper()", "A.title()", "A.count('a')", "A.find('a')",
        "A.join(B)", "A.format(B)", "A.pop()", "A.update(B)", "strftime_now('%d %b %Y')", "raise_exception(A)",
        "(A not in B)", "(A != B)", "(A <= B)", "(A > B)", "(A >= B)", "(1 < A < B)", "(A is not none)", "(A is eq 1)", "(A is == B)", "(A is != 1)", "(A is <= 1)", "(A is < B)", "(A is >= 1)", "(A is > 1)", "(A is in [B])", "(A is sameas(B))", "(A is ge {'a': 1})", "(A is divisibleby 3)", "(A is string and B)", "(A is string or B)", "(A is string not in B)",
        "(A is defined if B else A)", "(A is defined is defined)", "(A is string in B)", "(A is filter 'upper')", "dict(*A)", "dict(**A)", "dict(a=A, **B)", "namespace(A, b=2,)", "range(1, 2,)", "dict(a=1, 2)", "dict(1 2)", "(A if B)", "(A | nofilter)", "(A is notest)", "A.", "(A | )", "(A,B)", "not A", "(A | join)", "(A | upper())", "(A | trim | upper)", "A[B:]", "A[:B]", "A[B:B:B]", "A[B, B]",
        "(A | map('upper')(B))", "(A is)", "(A is not)", "(not A is defined)", "A ? B", "(A]", "A)", "[A}", "{A: B}", "{A: B, B: A}", "(A and not B or A)", "A ~ B ~ A",
    ];

    static readonly string[] Statements =
    [
        "{{ A }}", "{{- A -}}", "{%- for message in messages %}S{%- endfor %}", "{% for x in A if B %}S{% else %}S{% endfor %}", "{% for a, b in A %}S{% endfor %}", "{% if A %}S{% elif B %}S{% else %}S{% endif %}", "{% set x = A %}", "{% set ns = namespace(x=A) %}", "{% set ns.x = A %}",
        "{% set x %}S{% endset %}", "{% macro m(a, b=1) %}S{% endmacro %}{{ m(A) }}", "{% macro m(a) %}{{ m(a) }}{% endmacro %}{{ m(A) }}", "{# A #}", "{% raw %}{{ A }}{% endraw %}", "{% filter upper %}S{% endfilter %}", "{% generation %}S{% endgeneration %}", "{% for x in A %}{% if B %}{% break %}{% endif %}{% continue %}{% endfor %}",
        "<|im_start|>{{ message.role }}\n{{ message['content'] | trim }}<|im_end|>\n", "text \n  ", "{% set x, y = A %}", "{#- A -#}", "{#+ A +#}\n", "{#A", "{#-#}", "{##}", "{%- raw -%} {{ A }} {%- endraw -%}", "{%+ raw +%}{{ A }}{%+ endraw +%}\n", "{% raw %}{{ A }}", "{% raw %} {% end {% endrawx %}{% endraw x %}\n  {%endraw%}\n", "{% raw", "{% rawx %}", "{% raw x %}", "{{ A", "{{ '", "{{ A ) }}", "{{ (A] }}", "{{ A ? }}", "{{ A }", "{% if A }}", "{% set x | upper %}S{% endset %}", "{% set x | upper | trim %}S{% endset %}", "{% for x in A recursive %}S{% endfor %}",
        "{% for loop in A %}S{% endfor %}", "{% set true = A %}", "{% set False = A %}", "{% set none = A %}", "{% set None = A %}", "{% set True, a = A %}", "{% for a, b, in A %}S{% endfor %}", "{% for (a, b), c in A %}S{% endfor %}", "{% for (a, b) in A.items() %}S{% endfor %}", "{% macro m(a=1, b) %}S{% endmacro %}", "{% call m(A) %}S{% endcall %}", "{% call(x) m(A) %}S{% endcall %}", "{% nothing %}", "{% break %}", "{% continue %}", "{%+ if A +%}S{% endif +%}\n", "{% with a = A, b = B %}S{% endwith %}", "{% with %}S{% endwith %}",
        "  {% set x = A -%}  ", "{{+ A }}", "{%- -%}", "{% %}", "{{ }}", "{% else %}", "{% endfor %}", "{% if A %}", "{% for x A %}", "{% for x in A %}S{% else %}S", "{% if A %}S{% else %}S{% elif B %}S{% endif %}", "{% macro %}", "{% macro m %}S{% endmacro %}", "{% macro m(a b) %}S{% endmacro %}", "{% set ns.x.y = A %}", "{% set ns. = A %}", "{% set 1 = A %}", "{% set x = %}", "{% filter nofilter %}S{% endfilter %}", "{% filter upper | trim %}S{% endfilter %}", "{% block a %}S{% endblock %}", "{% include 'a' %}", "{% import 'a' as b %}", "{% extends 'a' %}", "{% do x.append(1) %}", "{% set (x, y) = A %}", "{ {", "{", "{% macro m() %}{% break %}{% endmacro %}",
        "{% if A %}S{% endfor %}", "{{ A B }}", "{% set x = A B %}", "{% for x in A if B else A %}S{% endfor %}", "{% for x in A, B %}S{% endfor %}", "{% if A, B %}S{% endif %}", "{{ A, B }}", "{{ A, }}", "{{ A if B else A, B }}", "\ufffd{{ A }}\r\n",
        "{% for i in range(1000) %}{% for j in range(1000) %}S{% endfor %}{% endfor %}", "{% with a = A %}S{% endwith %}",
    ];

    static FuzzSeed JinjaSeed(Random random)
    {
        var text = new StringBuilder();
        for (int n = random.Next(1, 5); n > 0; n--) text.Append(Statement(random, 0));
        if (random.Next(3000) == 0) text.Append(' ', 2 << 20);
        if (random.Next(60) == 0)
        {
            int depth = random.Next(10, 3000);
            text.Append("{{ ").Insert(text.Length, "(", depth).Append('1').Insert(text.Length, ")", depth).Append(" }}");
        }
        return new(Encoding.UTF8.GetBytes(text.ToString())) { IsChanged = random.Next(3) != 0 };
    }

    static string Statement(Random random, int depth) =>
        depth == 3 ? "." : Filled(Statements[random.Next(Statements.Length)], c => c == 'S' ? Statement(random, depth + 1) : c is 'A' or 'B' ? Expression(random, 0) : null);

    static string Expression(Random random, int depth) =>
        depth == 3 || random.Next(3) == 0 ? Atoms[random.Next(Atoms.Length)] : Filled(Operations[random.Next(Operations.Length)], c => c is 'A' or 'B' ? Expression(random, depth + 1) : null);

    static string Filled(string form, Func<char, string?> part) => string.Concat(form.Select(c => part(c) ?? c.ToString()));

    static readonly string[] Schemas =
    [
        """{"type":"object","properties":{"a":{"type":"string","minLength":1,"maxLength":20},"b":{"type":["integer","null"],"minimum":-5,"exclusiveMaximum":100}},"required":["b"],"additionalProperties":false}""",
        """{"type":"array","items":{"$ref":"#/$defs/node"},"minItems":1,"maxItems":4,"$defs":{"node":{"type":"object","properties":{"value":{"type":"number"},"next":{"anyOf":[{"$ref":"#/$defs/node"},{"type":"null"}]}},"required":["value","next"]}}}""",
        """{"anyOf":[{"const":{"x":[1,2.5,"é"]}},{"enum":["a","b",3,null,true]},{"type":"string","pattern":"^[a-c]{2,5}$"},{"type":"string","format":"date-time"}]}""",
        """{"allOf":[{"type":"object","properties":{"a":{"type":"integer"}}},{"properties":{"b":{"type":"boolean"}},"required":["a","b"]}]}""",
        """{"oneOf":[{"type":"object","properties":{"kind":{"const":"x"},"n":{"type":"number","minimum":0.5,"maximum":7.25}},"required":["kind","n"]},{"type":"object","properties":{"kind":{"const":"y"}},"required":["kind"]}]}""",
        """{"type":"object","additionalProperties":{"type":"string","format":"uuid"}}""", """{"type":"array","prefixItems":[{"type":"string","format":"ipv4"},{"type":"integer","minimum":-1000,"maximum":123456}],"items":false}""",
        """{"type":"string","pattern":"(ab|c)*d?","minLength":3,"maxLength":9,"nullable":true}""", """{"type":"object"}""", """{"$ref":"#"}""", "true", """{"type":"number","exclusiveMinimum":-0.001,"maximum":1e3}""",
        """{"type":"string","format":"email"}""", """{"type":"array","items":{"type":"array","items":{"type":"array","maxItems":50},"maxItems":50},"maxItems":50}""", """{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}},"$ref":"#/$defs/a"}""",
    ];

    static FuzzSeed NewSchema(Random random)
    {
        string json = random.Next(3) != 0 ? new SchemaSeed(random).New().ToJsonString() : Schemas[random.Next(Schemas.Length)];
        if (random.Next(6) == 0) json = $$$"""{"type":"object","properties":{"p":{{{json}}},"q":{{{Schemas[random.Next(Schemas.Length)]}}}},"required":["p"]}""";
        return random.Next(2) == 0 ? new(JsonMutation.Apply(json, random)) { IsChanged = true } : new(Encoding.UTF8.GetBytes(json)) { IsChanged = random.Next(4) != 0 };
    }

    static FuzzSeed RegexSeed(Random random) => new(Encoding.UTF8.GetBytes(PatternSeed.New(random) + (random.Next(2) == 0 ? PatternSeed.New(random) : ""))) { IsChanged = random.Next(4) != 0 };
}
