using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;

namespace Ingot.Server;

/// <summary>
/// Tools of servers that speak the Model Context Protocol: programs that are started here, or addresses. Nothing is called of its own: a call comes from the page,
/// after its user has seen it and allowed it.
/// </summary>
public sealed class ToolServers : IAsyncDisposable
{
    /// <summary>Characters of a result; the rest would only crowd the model's context.</summary>
    const int LongestResult = 50_000;

    const int LongestName = 64;

    static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    readonly Dictionary<string, McpClient> servers = [];
    readonly Dictionary<string, (string Server, McpClientTool Tool)> tools = [];

    ToolServers() { }

    /// <summary>Names of the tools, as the model and <see cref="CallAsync"/> know them.</summary>
    public IReadOnlyCollection<string> Names => tools.Keys;

    /// <summary>Starts or reaches the servers and asks what they can do.</summary>
    /// <param name="definitions">NAME=COMMAND with arguments, or NAME=http(s)://...</param>
    /// <param name="cancellation">Ends the attempt.</param>
    /// <exception cref="IngotException">A definition is none, or a server does not answer.</exception>
    public static async Task<ToolServers> ConnectAsync(IReadOnlyList<string> definitions, CancellationToken cancellation = default)
    {
        var all = new ToolServers();
        try
        {
            foreach (var definition in definitions)
            {
                int equals = definition.IndexOf('=');
                if (equals <= 0 || equals == definition.Length - 1) throw new IngotException($"--mcp takes NAME=COMMAND or NAME=http://..., not '{definition}'");
                await all.AddAsync(definition[..equals], definition[(equals + 1)..].Trim(), cancellation);
            }
            return all;
        }
        catch
        {
            await all.DisposeAsync();
            throw;
        }
    }

    async Task AddAsync(string name, string target, CancellationToken cancellation)
    {
        if (servers.ContainsKey(name)) throw new IngotException($"two MCP servers are named {name}");
        try
        {
            var client = servers[name] = await McpClient.CreateAsync(Transport(name, target), cancellationToken: cancellation);
            foreach (var tool in await client.ListToolsAsync(cancellationToken: cancellation))
            {
                // Two servers may have a tool of one name.
                if (!tools.TryAdd(Shown(tool.Name), (name, tool)) && !tools.TryAdd(Shown($"{name}_{tool.Name}"), (name, tool))) throw new IngotException($"the MCP server {name} has two tools named {tool.Name}");
            }
        }
        catch (Exception e) when (e is not (IngotException or OperationCanceledException)) { throw new IngotException($"the MCP server {name} ({target}) does not answer: {e.Message}", e); }
    }

    /// <summary>A name that the chat API takes: 1 to 64 letters, digits, '_', '-' and '.'.</summary>
    internal static string Shown(string name)
    {
        var allowed = string.Concat(name.Take(LongestName).Select(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.' ? c : '_'));
        return allowed.Length > 0 ? allowed : "tool";
    }

    static IClientTransport Transport(string name, string target)
    {
        if (target.StartsWith("http://", StringComparison.Ordinal) || target.StartsWith("https://", StringComparison.Ordinal))
            return new HttpClientTransport(new() { Name = name, Endpoint = new(target) });
        var words = Words(target);
        return new StdioClientTransport(new() { Name = name, Command = words[0], Arguments = words[1..], EnvironmentVariables = new Dictionary<string, string?> { ["INGOT_API_KEY"] = null } }); // the key is none of their business
    }

    /// <summary>A command line as words; quotes keep spaces.</summary>
    internal static List<string> Words(string command)
    {
        var (words, word, quote, isWord) = (new List<string>(), new System.Text.StringBuilder(), '\0', false);
        foreach (char c in command)
        {
            if (quote != '\0' && c == quote) quote = '\0';
            else if (quote == '\0' && c is '"' or '\'' && quote == '\0') (quote, isWord) = (c, true);
            else if (quote == '\0' && char.IsWhiteSpace(c))
            {
                if (isWord) words.Add(word.ToString());
                word.Clear();
                isWord = false;
            }
            else
            {
                word.Append(c);
                isWord = true;
            }
        }
        if (quote != '\0') throw new IngotException($"a quote is not closed in the command '{command}'");
        if (isWord) words.Add(word.ToString());
        return words.Count > 0 ? words : throw new IngotException("the command is empty");
    }

    /// <summary>The tools as the chat API takes them, each with the server that it is from.</summary>
    internal JsonArray Describe() => new([.. tools.Select(t => new JsonObject
    {
        ["server"] = t.Value.Server,
        ["type"] = "function",
        ["function"] = new JsonObject { ["name"] = t.Key, ["description"] = t.Value.Tool.Description, ["parameters"] = JsonNode.Parse(t.Value.Tool.JsonSchema.GetRawText()) },
    })]);

    /// <summary>Calls a tool.</summary>
    /// <returns>What it says, for the model, and whether it failed.</returns>
    /// <exception cref="KeyNotFoundException">There is none of that name.</exception>
    internal async Task<(string Text, bool IsError)> CallAsync(string name, JsonElement arguments, CancellationToken cancellation)
    {
        var tool = tools[name].Tool;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Patience);
        try
        {
            var given = arguments.EnumerateObject().ToDictionary(p => p.Name, object? (p) => p.Value.Clone());
            var result = await tool.CallAsync(given, cancellationToken: limit.Token);
            string text = string.Join("\n", result.Content.Select(c => c is TextContentBlock t ? t.Text : $"({c.Type}, which cannot be shown)"));
            return (text.Length <= LongestResult ? text : text[..LongestResult] + "\n(cut off here)", result.IsError == true);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested) { return ($"the tool did not answer within {Patience.TotalSeconds} seconds", true); }
        catch (Exception e) when (e is not OperationCanceledException) { return ($"the tool failed: {e.Message}", true); } // another program's failure, which the model is to hear of
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in servers.Values) await server.DisposeAsync();
        servers.Clear();
    }
}
