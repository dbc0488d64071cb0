using System.Text.Json.Nodes;
using Ingot.Llm.Serving;
using Microsoft.AspNetCore.Http;

namespace Ingot.Server.Api;

/// <summary>An answer that says what is wrong with a request, in the form that OpenAI's clients read.</summary>
/// <param name="status">Of HTTP.</param>
/// <param name="message">For people.</param>
/// <param name="code">For programs.</param>
/// <param name="parameter">The field that is wrong.</param>
sealed class ApiException(int status, string message, string? code = null, string? parameter = null) : Exception(message)
{
    public int Status => status;

    /// <summary>Seconds after which another try makes sense.</summary>
    public int? RetryAfter { get; init; }

    public JsonObject Json => new()
    {
        ["error"] = new JsonObject
        {
            ["message"] = Message,
            ["type"] = status switch
            {
                401 => "authentication_error",
                403 => "permission_error",
                429 => "rate_limit_error",
                >= 500 => "server_error",
                _ => "invalid_request_error",
            },
            ["param"] = parameter,
            ["code"] = code,
        },
    };

    public static ApiException Invalid(string parameter, string message, string code = "invalid_value") => new(400, message, code, parameter);

    /// <summary>What an exception means to the caller; null if it is none of the caller's business.</summary>
    public static ApiException? Of(Exception e) => e switch
    {
        ApiException api => api,
        QueueFullException full => new(429, full.Message, "queue_full") { RetryAfter = full.RetryAfter },
        LoopStoppedException => new(503, e.Message, "shutting_down") { RetryAfter = 5 },
        ContextLengthException => new(400, e.Message, "context_length_exceeded", "messages"),
        BadHttpRequestException bad => new(bad.StatusCode, bad.Message, "bad_request"),
        IngotException => new(400, e.Message, "invalid_request"), // of the prompt, the schema, the template: all that depends on the request
        _ => null,
    };
}
