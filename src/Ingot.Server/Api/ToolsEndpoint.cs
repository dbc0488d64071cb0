using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Ingot.Server.Api;

/// <summary>/api/tools: the tools of the MCP servers, and calls of them that the page's user has allowed.</summary>
sealed class ToolsEndpoint(ToolServers? servers, long mostBytes)
{
    public Task List(HttpContext context) => Json.SendAsync(context, new JsonObject { ["tools"] = servers?.Describe() ?? [] });

    public async Task Call(HttpContext context)
    {
        using var body = await RequestBody.ReadAsync(context, mostBytes);
        var fields = new Fields(body.RootElement);
        var name = fields.RequiredText("name");
        if (servers is null || !servers.Names.Contains(name)) throw new ApiException(404, $"there is no tool '{(name.Length > 100 ? name[..100] + "..." : name)}'", "tool_not_found", "name");
        if (fields.Text("consent") is not ("once" or "chat")) throw new ApiException(403, "a tool runs only when the user has allowed it: 'consent' must be 'once' or 'chat'", "no_consent", "consent");
        using var empty = JsonDocument.Parse("{}");
        JsonElement arguments = fields.Object("arguments") is null ? empty.RootElement : fields["arguments"]!.Value;
        var (text, isError) = await servers.CallAsync(name, arguments, context.RequestAborted);
        await Json.SendAsync(context, new JsonObject { ["content"] = text, ["is_error"] = isError });
    }
}
