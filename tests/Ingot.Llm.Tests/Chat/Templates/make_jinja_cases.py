"""Makes jinja-cases.json: small templates, their variables and what Jinja2 for Python writes for them, set up as Hugging Face transformers sets it up.
Run: python3 make_jinja_cases.py (needs jinja2; the result is kept beside it)."""
import json
import os
import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_same"), [], [], body).set_lineno(line)

    def _same(self, caller):
        return caller()


def refuse(message):
    raise jinja2.exceptions.TemplateError(message)


env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
env.filters["tojson"] = lambda x, ensure_ascii=False, indent=None, separators=None, sort_keys=False: json.dumps(
    x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
env.globals["raise_exception"] = refuse

V = {
    "s": "  Hello, World!\n", "t": "it's a \"test\" <b>&</b>", "u": "Äpfel straße 😀 naïve", "n": 7, "m": -3, "f": 2.5, "big": 1e22, "small": 1.5e-7, "yes": True, "no": False, "nothing": None,
    "list": [3, 1, 2], "words": ["b", "A", "c", "a"], "empty": [], "map": {"b": 1, "a": [1, {"x": None}], "c": "q'"}, "none_map": {},
    "people": [{"name": "Ann", "age": 30, "tags": ["x"]}, {"name": "bob", "age": 25}, {"name": "Cy", "age": 30, "boss": {"name": "Ann"}}],
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": " Hi \n"}, {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "Bye"}],
}

T = r"""
plain text
{{ s }}|{{ s | trim }}|{{ s.strip() }}|{{ s.lstrip() }}|{{ s.rstrip() }}
{{ n + 1 }} {{ n - 10 }} {{ n * 2 }} {{ n / 2 }} {{ n // 2 }} {{ n % 4 }} {{ m % 4 }} {{ m // 2 }} {{ n ** 2 }} {{ 2 ** -1 }}
{{ f * 2 }} {{ f }} {{ big }} {{ small }} {{ 1.0 }} {{ 100000.0 * 1000000 }} {{ 0.1 + 0.2 }} {{ 7.0 // 2 }} {{ -7.5 % 2 }}
{{ -n }} {{ +n }} {{ - n | abs }} {{ -f | abs }}
{{ 2 * 3 ~ 5 }} {{ "a" ~ 1 ~ none ~ true ~ 1.5 }}
{{ yes and no }} {{ yes or no }} {{ not yes }} {{ not no and yes }} {{ nothing or "x" }} {{ 0 or empty }} {{ 1 and "y" }}
{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1.0 }} {{ true == 1 }} {{ "a" < "b" }} {{ [1, 2] == [1, 2] }} {{ (1, 2) == [1, 2] }} {{ {"a": 1} == {"a": 1.0} }} {{ none == false }}
{{ 1 in list }} {{ 9 not in list }} {{ "ell" in s }} {{ "a" in map }} {{ "z" in map }} {{ not 1 in list }} {{ "x" in undefinedthing }}
{{ "yes" if yes else "no" }} {{ "yes" if no }} {{ 1 if no else 2 if no else 3 }}
{{ list[0] }} {{ list[-1] }} {{ list[9] }} {{ list[1:] }} {{ list[:-1] }} {{ list[::-1] }} {{ list[::2] }} {{ list[-2:] }} {{ list[5:] }} {{ list[2:0:-1] }}
{{ u[0] }} {{ u[-1] }} {{ u[:5] }} {{ u[6:12] }} {{ u[13] }} {{ u[14:] }} {{ u | length }} {{ u[::-1] }} {{ u[3:1] }}|
{{ map.a }} {{ map["b"] }} {{ map.zzz }} {{ map["zzz"] }} {{ map.a[1].x }} {{ map.get("b") }} {{ map.get("z") }} {{ map.get("z", 5) }} {{ map.a.0 }}
{{ map.items() | list }} {{ map.keys() | list }} {{ map.values() | list }} {{ map | items | list }}
{{ map }} {{ list }} {{ (1,) }} {{ () }} {{ (1, "a") }} {{ {} }} {{ [] }} {{ {"k": [none, true]} }} {{ ["it's", 'say "x"', "both ' and \"", "tab\t", "nl\n", "\u00a0", "\x01"] }}
{{ 1, 2 }}
{{ map | tojson }} {{ t | tojson }} {{ u | tojson }} {{ [1.0, 1e5, 1e16, 1e-5, true, none, "\u0001\u007f/"] | tojson }} {{ {} | tojson }} {{ [] | tojson }} {{ {1: 2, none: 3, true: 4} | tojson }}
{{ map | tojson(indent=2) }}
{{ [[], {}, [1, [2]]] | tojson(indent=4) }}
{{ map | tojson(separators=(",", ":")) }} {{ map | tojson(sort_keys=true) }} {{ map | tojson(indent=1, separators=(", ", " : ")) }}
{{ "a\nb" | tojson }} {{ "\\" }} {{ 'a\'b' }} {{ "\x41\u00e9" }} {{ "con" "cat" }} {{ "a\qb" }}
{{ words | sort }} {{ words | sort(reverse=true) }} {{ words | sort(case_sensitive=true) }} {{ people | sort(attribute="age") | map(attribute="name") | list }}
{{ words | join(", ") }} {{ list | join }} {{ people | join("/", attribute="name") }} {{ "abc" | join("-") }} {{ [] | join(",") }}|
{{ words | first }} {{ words | last }} {{ empty | first }}| {{ "xyz" | first }} {{ "xyz" | last }}
{{ list | sum }} {{ people | sum(attribute="age") }} {{ list | max }} {{ list | min }} {{ words | max }} {{ words | min }} {{ people | max(attribute="age") | tojson }}
{{ words | map("upper") | list }} {{ people | map(attribute="boss", default="-") | list }} {{ list | map("string") | join("+") }}
{{ [1, 0, 2, none] | select | list }} {{ list | select("odd") | list }} {{ list | reject("odd") | list }} {{ list | select("greaterthan", 1) | list }} {{ list | select("in", [1, 2]) | list }}
{{ people | selectattr("boss") | map(attribute="name") | list }} {{ people | selectattr("age", "equalto", 30) | map(attribute="name") | list }} {{ people | rejectattr("age", "lt", 30) | map(attribute="name") | list }} {{ people | selectattr("tags", "defined") | list | length }}
{{ messages | selectattr("role", "==", "user") | list | length }} {{ messages | rejectattr("role", "equalto", "system") | map(attribute="content") | list }}
{{ map | dictsort }} {{ map | length }} {{ {"x": 2, "Y": 1} | dictsort }} {{ {"x": 2, "Y": 1} | dictsort(by="value") }} {{ {"x": 2, "Y": 1} | dictsort(true) }} {{ {"x": 2, "Y": 1} | dictsort(reverse=true) }}
{{ ["a", "A", "b", "a"] | unique | list }} {{ ["a", "A"] | unique(case_sensitive=true) | list }} {{ [1, 1.0, 2] | unique | list }}
{{ list | reverse | list }} {{ "abc" | reverse }} {{ list | list }} {{ "abc" | list }} {{ map | list }}
{{ range(5) | list }} {{ range(1, 4) | list }} {{ range(10, 0, -3) | list }} {{ range(0) | list }}
{{ range(7) | batch(3) | list }} {{ range(7) | batch(3, "x") | list }} {{ range(7) | slice(3) | list }} {{ range(7) | slice(3, "-") | list }}
{{ s | upper }} {{ s | lower }} {{ "hello wORLD" | capitalize }} {{ "hello wORLD-foo (bar" | title }} {{ "hello wORLD's 3rd" | title }} {{ "they're bill's".title() }} {{ "aBc".swapcase() }}
{{ "a-b-c" | replace("-", "+") }} {{ "a-b-c" | replace("-", "+", 1) }} {{ "a-b-c".replace("-", "") }} {{ "aaa".replace("a", "b", 2) }} {{ "abc".replace("", ".") }}
{{ "a,b,,c".split(",") }} {{ " a  b ".split() }} {{ "a,b,c".split(",", 1) }} {{ "a b c".split(none, 1) }} {{ "a,b,c".rsplit(",", 1) }} {{ "x\ny\r\nz\n".splitlines() }} {{ "k=v=w".partition("=") }} {{ "k=v=w".rpartition("=") }} {{ "kv".partition("=") }}
{{ "abc".startswith("ab") }} {{ "abc".endswith("bc") }} {{ "abc".startswith(("x", "a")) }} {{ "xxabcxx".strip("x") }} {{ "xxabcxx".lstrip("x") }} {{ "xxabcxx".rstrip("x") }} {{ "xyabc".strip("yx") }}
{{ "abcabc".find("c") }} {{ "abc".find("z") }} {{ "abcabc".rfind("c") }} {{ "aXbXc".count("X") }} {{ "abc".index("b") }} {{ "12".isdigit() }} {{ "a1".isalnum() }} {{ "ab".isalpha() }} {{ "  ".isspace() }} {{ "AB".isupper() }} {{ "ab".islower() }}
{{ "7".zfill(3) }} {{ "-7".zfill(4) }} {{ "a".ljust(3) }}| {{ "a".rjust(3) }}| {{ "ab".center(5) }}| {{ "abc".center(6) }}| {{ "abc" | center(8) }}|
{{ "prefix-x".removeprefix("prefix-") }} {{ "x.txt".removesuffix(".txt") }} {{ "{} and {}".format(1, "b") }} {{ "{0}{1}{0} {x} {{}}".format("a", "b", x=3) }} {{ ", ".join(["p", "q"]) }}
{{ "%s is %d, %05.2f, %-4s|%4s|%%" | format("x", 3, 2.5, "l", "r") }} {{ "%s-%s" % ("a", 1) }} {{ "%s" % "a" }} {{ "%r" % "a" }}
{{ "3" | int }} {{ "x" | int }} {{ "x" | int(9) }} {{ 3.9 | int }} {{ "3.7" | int }} {{ "ff" | int(base=16) }} {{ "2.5" | float }} {{ "x" | float }} {{ 3 | float }} {{ true | int }} {{ " 12 " | int }}
{{ 2.567 | round(2) }} {{ 2.5 | round }} {{ 3.5 | round }} {{ 2.1 | round(method="ceil") }} {{ 2.9 | round(0, "floor") }} {{ 7 | round }} {{ 3 | abs }} {{ -3.5 | abs }}
{{ undefinedthing | default("d") }} {{ nothing | default("d") }} {{ nothing | default("d", true) }} {{ "" | d("e", boolean=true) }} {{ undefinedthing | default }}|
{{ "a\nb\n\nc" | indent }} {{ "a\nb" | indent(2, true) }} {{ "a\n\nb" | indent(2, blank=true) }} {{ "a\nb" | indent("> ") }}
{{ t | escape }} {{ t | e }} {{ t | safe }} {{ "one two  three" | wordcount }} {{ "one two three four five six" | truncate(12) }} {{ "abcdefghijklmnopqrst" | truncate(9, true) }} {{ "short" | truncate(4) }}
{{ 5 | string }} {{ 5 | string | length }} {{ none | string }} {{ nothing }} {{ yes }} {{ no }} {{ undefinedthing }}| {{ [undefinedthing] | length }}
{{ people | groupby("age") | map("first") | list }} {% for age, group in people | groupby("age") %}{{ age }}:{{ group | map(attribute="name") | join(",") }};{% endfor %}
{{ n is defined }} {{ zzz is defined }} {{ zzz is undefined }} {{ nothing is none }} {{ s is string }} {{ n is string }} {{ map is mapping }} {{ list is mapping }} {{ list is iterable }} {{ n is iterable }} {{ list is sequence }} {{ map is sequence }} {{ s is sequence }} {{ n is sequence }} {{ zzz is iterable }}
{{ n is number }} {{ f is number }} {{ yes is number }} {{ n is integer }} {{ yes is integer }} {{ f is integer }} {{ f is float }} {{ yes is boolean }} {{ n is boolean }} {{ yes is true }} {{ no is false }} {{ 1 is true }} {{ nothing is not none }} {{ n is not defined }}
{{ n is odd }} {{ n is even }} {{ 9 is divisibleby 3 }} {{ 9 is divisibleby(2) }} {{ n is eq 7 }} {{ n is equalto(7) }} {{ n is ne 7 }} {{ n is gt 3 }} {{ n is lt 3 }} {{ n is ge 7 }} {{ n is le(6) }} {{ 1 is in [1, 2] }} {{ 1 is in list }} {{ "A" is upper }} {{ "a" is lower }} {{ n is sameas n }} {{ none is sameas none }}
{{ n is defined and s is string }} {{ n is not none or no }} {{ "a" if n is odd else "b" }} {{ not n is odd }} {{ range is callable }} {{ n is eq 3 + 4 }}
{% if n > 5 %}big{% elif n > 3 %}mid{% else %}small{% endif %}
{% if m > 5 %}big{% elif m > -5 %}mid{% else %}small{% endif %}{% if empty %}x{% else %}y{% endif %}
{% for x in list %}{{ loop.index }}/{{ loop.length }}:{{ x }}{{ "," if not loop.last }}{% endfor %}
{% for x in list %}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.cycle("a", "b") }};{% endfor %}
{% for x in empty %}x{% else %}none{% endfor %}{% for x in zzz %}x{% else %}none{% endfor %}
{% for x in list if x > 1 %}{{ loop.index }}{{ x }}{{ loop.last }}{% else %}none{% endfor %} {% for x in list if x > 9 %}x{% else %}none{% endfor %}
{% for k, v in map.items() %}{{ k }}={{ v }};{% endfor %}{% for k in map %}{{ k }}{% endfor %}{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}
{% for x in range(6) %}{% if x == 1 %}{% continue %}{% endif %}{% if x == 4 %}{% break %}{% endif %}{{ x }}{% endfor %}
{% for x in [1, 1, 2, 2, 1] %}{% if loop.changed(x) %}{{ x }}{% endif %}{% endfor %}
{% for x in "abc" %}[{{ x }}]{% endfor %}{% for a in [1, 2] %}{% for b in [3, 4] %}{{ loop.index }}{{ a }}{{ b }} {% endfor %}{{ loop.index }}{% endfor %}
{% set x = 1 %}{% for i in list %}{% set x = i %}{{ x }}{% endfor %}{{ x }}{% if yes %}{% set x = 9 %}{% endif %}{{ x }}
{% set ns = namespace(found=false, n=0) %}{% for i in list %}{% set ns.n = ns.n + i %}{% if i == 1 %}{% set ns.found = true %}{% endif %}{% endfor %}{{ ns.found }}{{ ns.n }}{% set ns.new = "v" %}{{ ns.new }}{{ ns.missing }}|
{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set (c, d) = [3, 4] %}{{ c }}{{ d }}{% set t2 = 1, 2 %}{{ t2 }}
{% set block %}in {{ n }} block{% endset %}{{ block }}|{% set up | upper | trim %} shout {% endset %}{{ up }}|{{ block | length }}
{% filter upper %}abc {{ n }}{% endfilter %}{% filter replace("a", "b") | title %}banana{% endfilter %}
{% with a = 1, b = n %}{{ a }}{{ b }}{% set a = 5 %}{{ a }}{% endwith %}{{ a }}|
{% macro hello(name, greeting="Hi", mark=none) %}{{ greeting }} {{ name }}{{ mark or "!" }}{% endmacro %}{{ hello("Ann") }}{{ hello("Bob", "Yo") }}{{ hello(name="Cy", mark="?") }}{{ hello() }}
{% macro tree(x, d=0) %}{% if x is mapping %}{% for k, v in x.items() %}{{ "  " * d }}{{ k }}:{{ tree(v, d + 1) }};{% endfor %}{% elif x is sequence and x is not string %}[{% for i in x %}{{ tree(i, d + 1) }}{% endfor %}]{% else %}{{ x }}{% endif %}{% endmacro %}{{ tree(map) }}
{% set g = 5 %}{% macro uses() %}{{ g }}{{ n }}{% endmacro %}{% set g = 6 %}{{ uses() }}{% macro inner() %}{% set g = 7 %}{{ g }}{% endmacro %}{{ inner() }}{{ g }}
{% generation %}spoken {{ n }}{% endgeneration %}!
a {# comment #} b {#- gone -#} c
{% raw %}{{ not }} {% if %}{% endraw %}!
x {%- raw -%}  {{ y }}  {%- endraw -%}  z
{{ dict(a=1, b=n) }} {{ dict({"x": 1}, y=2) }} {% set j = joiner("|") %}{% for x in list %}{{ j() }}{{ x }}{% endfor %}
{{ [1] + [2, 3] }} {{ "ab" * 3 }} {{ "a" + "b" }} {{ (1,) + (2,) }} {{ [list, words][1][0] }} {{ {"a": {"b": 5}}["a"]["b"] }} {{ {"a": 1}.a }}
{{ [1, 2,] }} {{ {"a": 1,} }} {{ hello is defined }} {{ "a" is string and "b" is string }} {{ (1 + 2) * 3 }} {{ 1 + 2 * 3 - 4 / 2 }} {{ 10 - 3 - 2 }} {{ 2 ** 3 }}
{{ messages[0].content }} {{ messages[0]["role"] }} {{ messages[-1].content }} {{ messages | length }} {{ messages[1:] | length }} {{ messages[0]['content'] | trim }} {{ messages | map(attribute='role') | join(',') }}
{{ s.strip().split(",")[0] | upper }} {{ (s | trim).lower() }} {{ ("a" ~ "b").upper() }} {{ "a b".split()[1].upper() | lower }} {{ s.strip | default("m") is callable }}
{{ "a" if false }}|{{ none is defined }}|{{ nothing.x is defined }}|{{ map.b is defined }}|{{ map.zz is defined }}|{{ messages[0].tool_calls is defined }}|{{ messages[0].tool_calls is defined and messages[0].tool_calls is not none }}
{{ 1_000 }} {{ 1e3 }} {{ 1.5e-3 }} {{ 0.5 }}
{{ 'single' }} {{ "dou\"ble" }} {{ 'new\nline' }} {{ '日本' }} {{ '日本' | length }}
{{ "{{" }} {{ "%}" }} {{ '}}' }}
{{ map.a | tojson | length }} {{ (map.a | tojson) is string }} {{ map.c ~ "" }} {{ [map.c] }} {{ map | string | length }}
{{ "A" ~ ("b" if yes else "c") ~ "D" }} {{ ["a", "b"] | join(" " if yes else "") }} {{ "x" * n if n < 10 else "" }}
"""
CASES = [line for line in T.strip("\n").split("\n")]
CASES += [
    "{% if yes %}\n  a\n  {% if no %}\n  b\n  {% else %}\n  c\n  {% endif %}\nd\n{% endif %}\nend\n",
    "{%- for x in list -%}\n  {{ x }}\n{%- endfor -%}\n  tail",
    "  {%- if yes %}\n  x\n  {%- endif %}\n",
    "  {%+ if yes %}  y  {%+ endif +%}\n  z\n\n",
    "a\n   {{ n }}\n   b\n{{ n -}}\n   c {{- n }} d\n",
    "a\n  {# c #}\nb {#- c #}\n{# d -#}  e\n",
    "line\r\nnext\rlast{% if yes %}\r\nx{% endif %}",
    "{{ n }}\n\n{{ n }}\n",
    "x {% set a = 1 %} y\n {% set b = 2 %}\n z",
    "\n\n{% if yes %}\n\nq\n\n{% endif %}\n\n",
    "{{\n  map\n    .b\n}}{{ [\n1,\n2\n] }}",
    "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 1) %}{{ raise_exception('alternate') }}{% endif %}{% endfor %}ok",
    "{%- for message in messages %}\n    {%- if loop.first and message['role'] != 'system' %}\n        {{- '<|im_start|>system\\nx<|im_end|>\\n' }}\n    {%- endif %}\n    {{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}\n{%- endfor %}\n{%- if yes %}\n    {{- '<|im_start|>assistant\\n' }}\n{%- endif %}\n",
    "{%- set ns = namespace(i=-1) %}{%- for message in messages[::-1] %}{%- set index = (messages|length - 1) - loop.index0 %}{%- if ns.i < 0 and message.role == 'user' %}{%- set ns.i = index %}{%- endif %}{%- endfor %}{{ ns.i }}",
    "{% raw -%}\n  {{ a }}\n{%- endraw %}\nb",
    "  {% raw %}\n  {{ a }}\n  {% endraw %}\nb",
    "{{ '\\n' ~ ('x' | indent(4, first=True)) }}|{{ messages | tojson(indent=4) }}",
]
BAD = ["{{ zzz.a }}", "{{ zzz + 1 }}", "{{ zzz() }}", "{{ 1 + 'a' }}", "{{ 'a' + 1 }}", "{{ 1 / 0 }}", "{{ n[0].x }}", "{{ raise_exception('no: ' ~ n) }}", "{{ list | nofilter }}", "{{ list is notest }}", "{% if %}", "{{ 1 + }}",
       "{% for x in list %}", "{% endif %}", "{{ (1 }}", "{{ [1, 2 }}", "{{ 'abc }}", "{# never", "{% raw %} x", "{% set n.x = 1 %}", "{{ range(1000000000) }}", "{{ list.append(1) }}", "{% for a, b in list %}{% endfor %}",
       "{{ zzz | tojson }}", "{{ none.x.y }}", "{{ 'a' < 1 }}", "{{ n() }}", "{{ 1 in 5 }}", "{{ {1} }}", "{% break %}", "{{ a.b.c }}", "{{ none + 1 }}", "{% unknowntag %}", "{{ 'x'.split('') }}", "{{ map.pop('a') }}", "{{ ''.__class__.__mro__ }}",
       "{{ namespace().__init__.__globals__ }}", "{% macro f(a) %}{% endmacro %}{{ f(1, 2) }}", "{{ f | attr('x') + 1 }}", "{{ -'a' }}", "{% for x in 5 %}{% endfor %}", "{{ 5 | length }}"]

out = {"variables": V, "cases": [], "refused": []}
for source in CASES:
    try:
        out["cases"].append([source, env.from_string(source).render(**V)])
    except Exception as e:
        print("refused:", source, e)
for source in BAD:
    try:
        text = env.from_string(source).render(**V)
    except Exception as e:
        out["refused"].append(source)
    else:
        print("not refused:", source, repr(text))
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "jinja-cases.json"), "w") as f:
    json.dump(out, f, ensure_ascii=True, indent=1)
    f.write("\n")
print(len(out["cases"]), len(out["refused"]))
