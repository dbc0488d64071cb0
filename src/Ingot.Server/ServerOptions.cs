using System.Net;

namespace Ingot.Server;

/// <summary>How a server is reached, and what it allows.</summary>
public sealed record ServerOptions
{
    /// <summary>"localhost", or an address of this machine; any but a loopback address needs a key. "*" is all of them.</summary>
    public string Host { get; init; } = "localhost";

    /// <summary>0: any that is free.</summary>
    public int Port { get; init; } = 8080;

    /// <summary>What callers must show as <c>Authorization: Bearer KEY</c>; null: nothing.</summary>
    public string? ApiKey { get; init; }

    /// <summary>The most bytes of a request.</summary>
    public long MostBytes { get; init; } = 16L << 20;

    /// <summary>Connections at a time; more are closed. Each may bring a request of the most bytes.</summary>
    public int MostConnections { get; init; } = 1024;

    /// <summary>Where thumbs and edits of the page are written; null: nowhere.</summary>
    public string? FeedbackFile { get; init; }

    /// <summary>How long answers may go on when the server is stopped.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Tools that the page may call once its user consents.</summary>
    public ToolServers? Tools { get; init; }

    /// <summary>All addresses, of either kind.</summary>
    internal bool IsAny => Host == "*";

    internal IPAddress Address => Host switch
    {
        "localhost" => IPAddress.Loopback,
        "*" => IPAddress.IPv6Any,
        _ => IPAddress.TryParse(Host.Trim('[', ']'), out var address) ? address : throw new IngotException($"--host takes an address of this machine, localhost, or * for all of them, not '{Host}'"),
    };

    /// <summary>Finds what is wrong with them before anything is loaded.</summary>
    /// <exception cref="IngotException">A combination is not safe, or a number is out of range.</exception>
    public void Check() => Checked();

    internal ServerOptions Checked() =>
        Port is < 0 or > 65535 ? throw new IngotException($"the port must be from 0 (any that is free) to 65535, not {Port}")
        : ApiKey is { Length: < 8 } ? throw new IngotException("the key must have at least 8 characters")
        : ApiKey is null && !IPAddress.IsLoopback(Address) ? throw new IngotException($"{Host} can be reached from other machines, so a key is required: give one with --api-key, or in the variable INGOT_API_KEY")
        : MostConnections < 1 ? throw new IngotException($"a server needs at least 1 connection, not {MostConnections}")
        : MostBytes < 1 ? throw new IngotException($"a request needs at least 1 byte, not {MostBytes}")
        : this;
}
