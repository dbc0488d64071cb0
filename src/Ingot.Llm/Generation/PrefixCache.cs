using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Ingot.Llm.Models;
using Ingot.Runtime;

namespace Ingot.Llm.Generation;

/// <summary>
/// Keys and values of texts by their tokens: a tree whose nodes are pages. A text that begins as one there is takes its pages, to the last common token; a page that
/// is written to while others hold it is copied first (<see cref="CachePages.Reserve"/>).
/// </summary>
/// <remarks>
/// Tokens are compared, not hashes of them. What a position's keys and values are depends on the tokens up to it alone, bit for bit, so it does not matter which text
/// computed them. (Where the matrix unit computes prompts in another way, the engine gives only positions of prompts to keep.) The page used longest ago goes first; whatever touches a page touches those before it in the text afterwards, so that one is always a leaf.
/// The tree as in Zheng et al. 2023, "SGLang" (RadixAttention), by pages.
/// </remarks>
sealed class PrefixCache
{
    const int PageTokens = KvCache.PagePositions;

    sealed class Node(Node? parent, int[] tokens, KvPage? page)
    {
        public readonly Node? Parent = parent;
        public readonly int[] Tokens = tokens; // a whole page's, or fewer where a text ended
        public readonly KvPage? Page = page;
        public Dictionary<int, List<Node>>? Children; // by first token
        public LinkedListNode<Node>? Place;
        public byte[]? Key; // of the store
    }

    readonly KvCache cache;
    readonly long quota;
    readonly PrefixStore? store;
    readonly Node root;
    readonly LinkedList<Node> byUse = []; // the latest first
    readonly ConcurrentQueue<KvPage> written = []; // by the store's thread; pages are counted on the engine's

    public PrefixCache(KvCache cache, DecoderConfig config, long quota, PrefixStore? store)
    {
        (this.cache, this.quota, this.store, root) = (cache, quota, store, new(null, [], null));
        if (store is not null) root.Key = RootKey(store.Model, config, cache);
    }

    /// <summary>Pages that are kept.</summary>
    public int Count => byUse.Count;

    public long Bytes => Count * (long)cache.PageBytes;

    /// <summary>
    /// What all keys of a model's prefixes begin from: besides the model, everything that the bits depend on. Another build of Ingot may add up in another order.
    /// </summary>
    static byte[] RootKey(string model, DecoderConfig config, KvCache cache)
    {
        string text = $"ingot prefix 1\n{model}\n{cache.Type} {cache.PageBytes} {PageTokens}\n{config with { EndTokens = [] }}\n{Cpu.Level}\n"
            + string.Join(' ', new[] { typeof(PrefixCache), typeof(Tensor), typeof(Cpu) }.Select(t => t.Module.ModuleVersionId));
        return SHA256.HashData(Encoding.UTF8.GetBytes(text));
    }

    static byte[] KeyOf(Node parent, ReadOnlySpan<int> tokens)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(parent.Key!);
        hash.AppendData(MemoryMarshal.AsBytes(tokens));
        return hash.GetHashAndReset();
    }

    /// <summary>Gives a sequence without pages those of the longest beginning that is known.</summary>
    /// <param name="tokens">The sequence's.</param>
    /// <param name="most">How many of them at most.</param>
    /// <param name="pages">Take the pages.</param>
    /// <returns>Positions that need not be computed.</returns>
    public int Take(ReadOnlySpan<int> tokens, int most, CachePages pages)
    {
        ReleaseWritten();
        var node = root;
        int at = 0;
        while (at < most)
        {
            var rest = tokens[at..most];
            var (next, common) = Nearest(node, rest);
            if (common < PageTokens && rest.Length >= PageTokens && Load(node, rest[..PageTokens]) is { } loaded) (next, common) = (loaded, PageTokens);
            if (next is null) break;
            pages.Share(next.Page!);
            node = next;
            at += common;
            if (common < PageTokens) break;
        }
        Touch(node);
        Evict();
        return at;
    }

    /// <summary>The child that shares the most tokens.</summary>
    static (Node? Node, int Common) Nearest(Node node, ReadOnlySpan<int> tokens)
    {
        Node? best = null;
        int most = 0;
        if (tokens.Length > 0 && node.Children is { } children && children.TryGetValue(tokens[0], out var candidates))
            foreach (var c in candidates)
                if (tokens.CommonPrefixLength(c.Tokens) is var common && common > most) (best, most) = (c, common);
        return (best, most);
    }

    Node? Load(Node parent, ReadOnlySpan<int> tokens)
    {
        if (store is null) return null;
        var key = KeyOf(parent, tokens);
        if (!store.Contains(key)) return null;
        var page = cache.Take();
        if (store.TryLoad(key, tokens, page.Memory))
        {
            var node = Add(parent, tokens.ToArray(), page);
            node.Key = key;
            cache.Release(page);
            return node;
        }
        cache.Release(page);
        return null;
    }

    /// <summary>Keeps what a sequence has computed. Its pages that are the same as some that are there become those.</summary>
    /// <param name="tokens">The sequence's.</param>
    /// <param name="positions">How many of them the pages hold.</param>
    /// <param name="pages">Of the sequence.</param>
    public void Keep(ReadOnlySpan<int> tokens, int positions, CachePages pages)
    {
        ReleaseWritten();
        var node = root;
        for (int p = 0; p * PageTokens < positions; p++)
        {
            var own = tokens[(p * PageTokens)..Math.Min(positions, (p + 1) * PageTokens)];
            var (next, common) = Nearest(node, own);
            if (next is null || common < own.Length)
            {
                // A text that went on from where another ended: its page holds what the other's does.
                if (next is not null && common == next.Tokens.Length) Remove(next);
                next = Add(node, own.ToArray(), pages.Page(p));
                if (store is not null && own.Length == PageTokens) Save(next);
            }
            else if (own.Length == PageTokens && !ReferenceEquals(next.Page, pages.Page(p))) pages.Replace(p, next.Page!);
            node = next;
        }
        Touch(node);
        Evict();
    }

    void Save(Node node)
    {
        node.Key = KeyOf(node.Parent!, node.Tokens);
        var page = node.Page!;
        page.Holders++;
        if (!store!.Save(node.Key, node.Tokens, page.Memory, () => written.Enqueue(page))) cache.Release(page);
    }

    void ReleaseWritten()
    {
        while (written.TryDequeue(out var page)) cache.Release(page);
    }

    Node Add(Node parent, int[] tokens, KvPage page)
    {
        var node = new Node(parent, tokens, page);
        page.Holders++;
        node.Place = byUse.AddFirst(node);
        ref var siblings = ref CollectionsMarshal.GetValueRefOrAddDefault(parent.Children ??= [], tokens[0], out _);
        (siblings ??= []).Add(node);
        return node;
    }

    /// <summary>The node and those before it become the ones used last.</summary>
    void Touch(Node? node)
    {
        for (; node?.Place is { } place; node = node.Parent)
        {
            byUse.Remove(place);
            byUse.AddFirst(place);
        }
    }

    void Evict()
    {
        while (Bytes > quota && byUse.Last is { } last) Remove(last.Value);
    }

    void Remove(Node leaf)
    {
        byUse.Remove(leaf.Place!);
        var siblings = leaf.Parent!.Children![leaf.Tokens[0]];
        siblings.Remove(leaf);
        if (siblings.Count == 0) leaf.Parent.Children.Remove(leaf.Tokens[0]);
        cache.Release(leaf.Page!);
    }

    /// <summary>Forgets everything in memory.</summary>
    public void Clear()
    {
        while (byUse.Last is { } last) Remove(last.Value);
    }
}
