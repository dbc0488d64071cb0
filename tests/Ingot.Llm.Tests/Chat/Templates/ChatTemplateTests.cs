using System.Text.Json;
using Ingot.Llm.Chat.Templates;

namespace Ingot.Llm.Tests.Chat.Templates;

public class ChatTemplateTests
{
    static readonly JsonElement Cases = Load();

    static JsonElement Load()
    {
        using var stream = typeof(ChatTemplateTests).Assembly.GetManifestResourceStream("jinja-cases.json")!;
        return JsonDocument.Parse(stream).RootElement;
    }

    static string Render(string template, TemplateLimits? limits = null) =>
        new ChatTemplate(template, limits).Render(Cases.GetProperty("variables").EnumerateObject().Select(p => KeyValuePair.Create(p.Name, GivenValues.Of(p.Value)))).Value;

    [Fact]
    public void Render_GoldenCases_WritesWhatJinja2Writes()
    {
        List<string> wrong = [];
        foreach (var c in Cases.GetProperty("cases").EnumerateArray())
        {
            string actual;
            try { actual = Render(c[0].GetString()!); }
            catch (IngotException e) { actual = e.Message; }
            if (actual != c[1].GetString()) wrong.Add($"{c[0].GetString()}\n  is     {JsonSerializer.Serialize(actual)}\n  should {JsonSerializer.Serialize(c[1].GetString())}");
        }
        if (wrong.Count > 0) Assert.Fail(string.Join('\n', wrong));
        Cases.GetProperty("cases").GetArrayLength().ShouldBeGreaterThan(100);
    }

    [Fact]
    public void Render_WhatJinja2Refuses_IsRefusedWithPlace()
    {
        foreach (var c in Cases.GetProperty("refused").EnumerateArray())
        {
            string source = c.GetString()!;
            var e = Should.Throw<IngotException>(() => Render(source), source);
            if (!source.Contains("raise_exception", StringComparison.Ordinal)) e.Message.ShouldContain("line 1, column ", Case.Sensitive, source);
        }
    }

    [Theory]
    [InlineData("a\n{{ 1 +\n }}", "line 3, column 2: an expression expected, the end of the tag found")]
    [InlineData("a\n  {{ x.y }}", "line 2, column 7: 'x' is undefined")]
    [InlineData("{% if a %}\n{% for b in c %}\n{% endfor %}", "line 1, column 4: an if that begins here has no elif or else or endif")]
    [InlineData("{{ a | nosuch }}", "line 1, column 6: there is no filter 'nosuch'")]
    [InlineData("{% import 'x' %}", "line 1, column 4: the tag 'import' is not supported")]
    public void Render_BrokenTemplate_ErrorSaysWhereAndWhat(string template, string message) => Should.Throw<IngotException>(() => Render(template)).Message.ShouldContain(message);

    [Fact]
    public void Render_RaiseException_ShowsItsWords() => Should.Throw<IngotException>(() => Render("{{ raise_exception('only ' ~ n) }}")).Message.ShouldContain("refuses the conversation: only 7");

    [Theory]
    [InlineData("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "steps")]
    [InlineData("{% set ns = namespace(s='xxxxxxxxxxxxxxxx') %}{% for a in range(100) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}", "characters")]
    [InlineData("{% set ns = namespace(s=[1]) %}{% for a in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}", "steps")]
    [InlineData("{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}", "deep")]
    [InlineData("{{ 'x' * 999999999 }}", "too long")]
    [InlineData("{{ range(10) | map('center', 60000) | map('replace', ' ', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' * 1000) | list | length }}", "characters")]
    public void Render_TemplateThatTakesTooMuch_IsStopped(string template, string limit)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        Should.Throw<IngotException>(() => Render(template, new(2_000_000, 1 << 20, 50))).Message.ShouldContain(limit);
        // Each step makes small things only, and what is written is limited.
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(4L << 30); // some 600 bytes a step
    }

    [Fact]
    public void Parse_DeepNesting_IsRefusedWithoutOverflow()
    {
        foreach (string deep in new[] { new string('(', 100_000), "{{ " + new string('[', 50_000), string.Concat(Enumerable.Repeat("{% if a %}", 50_000)), "{{ " + string.Concat(Enumerable.Repeat("not ", 50_000)) + "a }}",
            "{{ " + new string('-', 50_000) + "1 }}", "{{ a" + string.Concat(Enumerable.Repeat(" if b else c", 50_000)) + " }}", "{{ a[" + string.Concat(Enumerable.Repeat("a[", 50_000)) })
            Should.Throw<IngotException>(() => new ChatTemplate(deep.StartsWith('(') ? "{{ " + deep : deep));
    }

    [Fact]
    public void Parse_LongChains_AreNoDeepNesting()
    {
        Render("{{ 1" + string.Concat(Enumerable.Repeat(" + 1", 300)) + " }}").ShouldBe("301");
        Should.Throw<IngotException>(() => Render("{{ 1" + string.Concat(Enumerable.Repeat(" + 1", 200_000)) + " }}"));
    }

    [Fact]
    public void Parse_MutatedTemplates_NeverCrash()
    {
        var random = new Random(1);
        string[] seeds = [.. Cases.GetProperty("cases").EnumerateArray().Select(c => c[0].GetString()!)];
        for (int i = 0; i < 2_000; i++)
        {
            var text = new System.Text.StringBuilder(seeds[random.Next(seeds.Length)]);
            for (int j = random.Next(1, 5); j > 0 && text.Length > 0; j--)
            {
                int at = random.Next(text.Length);
                string other = seeds[random.Next(seeds.Length)];
                if (random.Next(3) == 0) text.Remove(at, Math.Min(random.Next(6), text.Length - at));
                else if (random.Next(2) == 0) text[at] = "{}%()[]|.'\"-~ na1:,="[random.Next(20)];
                else text.Insert(at, other.AsSpan(random.Next(other.Length)) is var rest ? rest[..Math.Min(8, rest.Length)].ToString() : "");
            }
            try { Render(text.ToString(), new(100_000, 1 << 16, 30)); }
            catch (IngotException) { } // anything else fails the test
        }
    }

    [Fact]
    public void Strftime_Formats_AreC() =>
        Interpreter.Time(new(2024, 7, 6, 5, 4, 3, TimeSpan.Zero), "%d %b %Y|%Y-%m-%d|%A %B %-d|%H:%M:%S|%I %p|%j|%y|%%|%e").ShouldBe("06 Jul 2024|2024-07-06|Saturday July 6|05:04:03|05 AM|188|24|%| 6");
}
