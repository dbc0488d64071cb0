using System.Text.Json;
using System.Text.RegularExpressions;
using Ingot.Llm.Chat;
using Ingot.Llm.Corpus;
using Ingot.Llm.Corpus.World;

namespace Ingot.Llm.Evaluation;

/// <summary>How task files are read.</summary>
/// <param name="Count">Items a task, at most: a seeded choice of them.</param>
/// <param name="Seed">Of the choice.</param>
/// <param name="Shots">Solved questions before each, where a set brings such (MMLU's dev files).</param>
public sealed record TaskFileOptions(int Count = 500, ulong Seed = 1, int Shots = 0);

/// <summary>
/// Tasks from files: Ingot's own JSONL (docs/llm.md), and as they are published: MMLU's CSVs, GSM8K's and HumanEval's JSONL, BIG-Bench Hard's JSON, CORE's query, choices and gold;
/// each also gzipped, in a folder or in a .tar.gz.
/// </summary>
public static partial class TaskFile
{
    static readonly JsonDocumentOptions Lenient = new() { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip };

    /// <exception cref="IngotException">The path does not exist or holds no task; the message names file and line.</exception>
    public static IReadOnlyList<EvaluationTask> Read(string path, TaskFileOptions? options = null)
    {
        options ??= new();
        var files = TaskArchive.Files(path);
        var tasks = new List<EvaluationTask>();
        if (files.Where(f => f.Name.EndsWith(".csv", StringComparison.OrdinalIgnoreCase)).ToList() is { Count: > 0 } tables) tasks.Add(Mmlu(path, tables, options));
        foreach (var (name, text) in files)
        {
            if (name.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase)) tasks.Add(Lines(name, text, options));
            else if (name.EndsWith(".json", StringComparison.OrdinalIgnoreCase)) tasks.Add(Document(name, text, options));
        }
        return tasks.Count > 0 ? tasks : throw new IngotException($"{path} has no tasks; they are .jsonl, .json or .csv files, also with .gz, in a folder or a .tar.gz");
    }

    // Multiple choice as tables: question, the choices, and the answer as a letter or a number from 0.
    static ChoiceTask Mmlu(string path, List<(string Name, string Text)> files, TaskFileOptions options)
    {
        var solved = files.Where(f => f.Name.EndsWith("_dev.csv", StringComparison.Ordinal)).ToList();
        var asked = files.Except(solved).ToList();
        if (asked.Count == 0) (asked, solved) = (solved, []);
        var examples = solved.ToDictionary(f => Subject(f.Name), f => Rows(f));
        var items = new List<TaskItem>();
        foreach (var file in asked)
        {
            var shots = options.Shots > 0 && examples.TryGetValue(Subject(file.Name), out var dev) ? dev.Take(options.Shots).SelectMany(Solved).ToList() : [];
            items.AddRange(Rows(file).Select(i => i with { Prompt = new([.. shots, .. i.Prompt.Messages]) }));
        }
        string name = asked.Count == 1 ? Subject(asked[0].Name) : Stem(path);
        return new(options.Shots > 0 ? $"{name}, {options.Shots} shots" : name, Chosen(items, options), ChoiceForm.Letters);

        static string Subject(string file) => Stem(file) is var s && s.LastIndexOf('_') is > 0 and var at && s[at..] is "_dev" or "_test" or "_val" ? Stem(file)[..Stem(file).LastIndexOf('_')] : Stem(file);

        static IEnumerable<Message> Solved(TaskItem item) =>
            [new(Role.User, ChoiceTask.LetteredQuestion(item.Prompt.Messages[^1].Parts[0].Text, item.Choices)), new(Role.Assistant, ((char)('A' + item.Choices.ToList().IndexOf(item.Answer))).ToString())];
    }

    static List<TaskItem> Rows((string Name, string Text) file)
    {
        var items = new List<TaskItem>();
        foreach (var (i, row) in TaskArchive.Csv(file.Text).Index())
        {
            if (i == 0 && row[0] == "question") continue;
            if (row.Count < 4) throw new IngotException($"{file.Name}: row {i + 1} has {row.Count} columns; a question, at least two choices and the answer are needed");
            string[] choices = [.. row.Skip(1).Take(row.Count - 2)];
            string answer = row[^1].Trim();
            int right = answer.Length == 1 && char.IsAsciiLetterUpper(answer[0]) ? answer[0] - 'A' : int.TryParse(answer, out int n) ? n : -1;
            if (right < 0 || right >= choices.Length) throw new IngotException($"{file.Name}: row {i + 1} has the answer '{answer}', which is none of its {choices.Length} choices");
            items.Add(new(Asked(row[0]), choices[right], choices, None));
        }
        return items;
    }

    static EvaluationTask Document(string name, string text, TaskFileOptions options)
    {
        using var json = Parse(text, name);
        var root = json.RootElement;
        if (root.ValueKind == JsonValueKind.Object && root.TryGetProperty("examples", out var examples)) return BigBenchHard(name, examples, options);
        if (root.ValueKind == JsonValueKind.Object && root.TryGetProperty("items", out var items)) return Of(name, root, [.. items.EnumerateArray()], options);
        if (root.ValueKind == JsonValueKind.Array) return Of(name, null, [.. root.EnumerateArray()], options);
        throw new IngotException($"{name} is no task: it has neither items nor examples");
    }

    /// <summary>{"examples": [{"input", "target"}]}: options in brackets or a few different targets are chosen among by likelihood, all else is written.</summary>
    static EvaluationTask BigBenchHard(string name, JsonElement examples, TaskFileOptions options)
    {
        var pairs = examples.EnumerateArray().Select(e => (Input: Needed(e, "input", name), Target: Needed(e, "target", name))).ToList();
        var targets = pairs.Select(p => p.Target).Distinct().Order(StringComparer.Ordinal).ToList();
        bool isLettered = targets.All(t => BracketedLetter().IsMatch(t));
        var items = pairs.Select(p => new TaskItem(Asked(p.Input), p.Target, isLettered ? Listed(p.Input) : targets.Count <= 5 ? targets : [], None)).Where(i => !isLettered || i.Choices.Count > 1 && i.Choices.Contains(i.Answer)).ToList();
        string title = $"bbh, {Stem(name).Replace('_', ' ')}";
        return isLettered || targets.Count is > 1 and <= 5 ? new ChoiceTask(title, Chosen(items, options), ChoiceForm.Continuations) : new ExactTask(title, Chosen(items, options));

        // (A), (B) and so on as far as they go, wherever a line they stand.
        static string[] Listed(string input)
        {
            int start = Math.Max(0, input.LastIndexOf("Options:", StringComparison.Ordinal));
            return [.. Enumerable.Range(0, 26).Select(i => $"({(char)('A' + i)})").TakeWhile(l => input.AsSpan(start).Contains(l, StringComparison.Ordinal))];
        }
    }

    static EvaluationTask Lines(string name, string text, TaskFileOptions options)
    {
        var records = new List<JsonElement>();
        foreach (var (i, line) in text.Split('\n').Index())
        {
            if (string.IsNullOrWhiteSpace(line)) continue;
            using var json = Parse(line, $"{name}: line {i + 1}");
            records.Add(json.RootElement.Clone());
        }
        if (records.Count == 0) throw new IngotException($"{name} is empty");
        bool hasHeader = records[0].ValueKind == JsonValueKind.Object && records[0].TryGetProperty("task", out _);
        return Of(name, hasHeader ? records[0] : null, hasHeader ? records[1..] : records, options);
    }

    static EvaluationTask Of(string file, JsonElement? header, List<JsonElement> records, TaskFileOptions options)
    {
        if (records.Count == 0) throw new IngotException($"{file} has no items");
        string name = String(header, "task") ?? Stem(file);
        if (String(records[0], "canonical_solution") is not null)
            return new ContinuationTask($"{name}, bits per byte of the solution", [.. Some(records, options).Select((r, i) => (Needed(r, "prompt", $"{file}: item {i + 1}"), Needed(r, "canonical_solution", $"{file}: item {i + 1}")))]);
        if (String(records[0], "question") is not null && String(records[0], "answer") is { } solution && solution.Contains("####", StringComparison.Ordinal)) return Gsm8k(name, file, records, options);
        var items = records.Select((r, i) => Item(r, $"{file}: item {i + 1}")).ToList();
        bool isCore = records[0].TryGetProperty("gold", out _), haveChoices = items.All(i => i.Choices.Count > 1);
        string kind = String(header, "kind") ?? (haveChoices ? "continuations" : "exact");
        bool isText = isCore || header is { } h && h.TryGetProperty("text", out var t) && t.ValueKind == JsonValueKind.True;
        items = Chosen(items, options);
        return kind switch
        {
            "letters" => new ChoiceTask(name, items, ChoiceForm.Letters),
            "continuations" => new ChoiceTask(name, items, ChoiceForm.Continuations, isText),
            "samples" => new SamplingTask(name, items, Verifiers.Named(String(header, "verifier") ?? "reward"), Number(header, "samples") ?? 10, Number(header, "k") ?? 8, Number(header, "temperature") ?? 1),
            "exact" or "number" or "reward" => new ExactTask(name, items, Verifiers.Named(kind)),
            _ => throw new IngotException($"{file}: the kind '{kind}' is unknown; there are exact, number, reward, letters, continuations and samples"),
        };
    }

    static ExactTask Gsm8k(string name, string file, List<JsonElement> records, TaskFileOptions options)
    {
        var items = Chosen([.. records.Select((r, i) => new TaskItem(Asked(Needed(r, "question", $"{file}: item {i + 1}")), Needed(r, "answer", $"{file}: item {i + 1}"), [], None))], options);
        double majority = items.GroupBy(i => i.Answer[i.Answer.LastIndexOf("####", StringComparison.Ordinal)..]).Max(g => g.Count()) / (double)items.Count;
        return new(name, items, Verifiers.Number) { Baseline = majority };
    }

    static TaskItem Item(JsonElement r, string place)
    {
        string question = String(r, "prompt") ?? String(r, "question") ?? String(r, "query") ?? throw new IngotException($"{place} has no prompt");
        IReadOnlyList<string> choices = r.TryGetProperty("choices", out var c) && c.ValueKind == JsonValueKind.Array ? [.. c.EnumerateArray().Select(e => e.GetString() ?? "")] : [];
        string name = r.TryGetProperty("gold", out _) ? "gold" : "answer";
        if (!r.TryGetProperty(name, out var answer)) throw new IngotException($"{place} has no answer");
        string right = answer.ValueKind == JsonValueKind.String ? answer.GetString()!
            : answer.ValueKind != JsonValueKind.Number ? throw new IngotException($"{place}: the answer is neither a text nor the number of a choice")
            : choices.Count == 0 ? answer.GetRawText()
            : answer.TryGetInt32(out int i) && i >= 0 && i < choices.Count ? choices[i] : throw new IngotException($"{place}: the answer {answer.GetRawText()} is none of the {choices.Count} choices, which are counted from 0");
        var baselines = r.TryGetProperty("baselines", out var b) && b.ValueKind == JsonValueKind.Object ? b.EnumerateObject().ToDictionary(p => p.Name, p => p.Value.ToString()) : [];
        return new(Asked(question), right, choices, baselines);
    }

    static List<TaskItem> Chosen(List<TaskItem> items, TaskFileOptions options) => Some(items, options);

    static List<T> Some<T>(List<T> items, TaskFileOptions options)
    {
        if (items.Count <= options.Count) return items;
        var random = new StoryRandom(options.Seed);
        var shuffled = items.ToList();
        OpenBook.Shuffle(shuffled, ref random);
        return shuffled[..options.Count];
    }

    static readonly Dictionary<string, string> None = [];

    static Conversation Asked(string question) => new([new(Role.User, question)]);

    /// <summary>The file's name without folders and endings.</summary>
    static string Stem(string path) => Path.GetFileName(Path.TrimEndingDirectorySeparator(path)).Split('.')[0];

    static JsonDocument Parse(string text, string place)
    {
        try { return JsonDocument.Parse(text, Lenient); }
        catch (JsonException e) { throw new IngotException($"{place} is not JSON: {e.Message}", e); }
    }

    static string Needed(JsonElement record, string name, string place) => String(record, name) ?? throw new IngotException($"{place} has no '{name}'");

    static string? String(JsonElement? record, string name) => record is { ValueKind: JsonValueKind.Object } r && r.TryGetProperty(name, out var v) && v.ValueKind == JsonValueKind.String ? v.GetString() : null;

    static int? Number(JsonElement? record, string name) => record is { ValueKind: JsonValueKind.Object } r && r.TryGetProperty(name, out var v) && v.TryGetInt32(out int n) ? n : null;

    [GeneratedRegex(@"^\([A-Z]\)$")]
    private static partial Regex BracketedLetter();
}
