using System.Collections.Concurrent;
using System.Text;
using Ingot.Formats;
using Ingot.Runtime;

namespace Ingot.Kernels;

/// <summary>
/// Recipes that a search found, kept in a text file of the folder INGOT_CACHE: a line a kernel, its key's hash and the recipe. Later lines win.
/// The file's name holds the compiler's version and the processor, so that neither reads what another found.
/// </summary>
static class RecipeCache
{
    /// <summary>Raised whenever a kernel's text or the meaning of a recipe changes.</summary>
    const int Version = 2;

    static readonly Lock Gate = new();
    static string? loaded;
    static ConcurrentDictionary<string, Recipe> recipes = new();

    /// <summary>The file that recipes are kept in under the present settings.</summary>
    public static string File => Path.Combine(Settings.Cache, $"recipes-{Version}-{Hash(Cpu.Name)[..8]}.txt");

    /// <summary>The recipe found for a kernel in an earlier search, in this process or another.</summary>
    /// <param name="kernel">The kernel's text, its vector level included.</param>
    public static Recipe? Find(string kernel)
    {
        Load();
        return recipes.GetValueOrDefault(KeyOf(kernel));
    }

    /// <summary>All recipes that are known, as one text: what is compiled under others is something else.</summary>
    public static string All()
    {
        Load();
        return string.Join('\n', recipes.Select(r => $"{r.Key} {r.Value}").Order(StringComparer.Ordinal));
    }

    /// <summary>Remembers a recipe; a folder that cannot be written to costs only the next search.</summary>
    public static void Keep(string kernel, Recipe recipe)
    {
        Load();
        string key = KeyOf(kernel);
        recipes[key] = recipe;
        try
        {
            Directory.CreateDirectory(Settings.Cache);
            // One write a line, at the end: two processes do not disturb each other, and a line cut short by a kill is no recipe.
            using var stream = new FileStream(File, FileMode.Append, FileAccess.Write, FileShare.ReadWrite, 1);
            stream.Write(Encoding.ASCII.GetBytes($"\n{key} {recipe};"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (Settings.Debug >= 1) Console.Error.WriteLine($"BEAM: the recipe is not kept, since {e.Message}");
        }
    }

    static void Load()
    {
        lock (Gate)
        {
            if (loaded == File) return;
            loaded = File;
            recipes = new();
            try
            {
                foreach (string line in System.IO.File.ReadAllLines(File))
                    if (line.IndexOf(' ', StringComparison.Ordinal) is > 0 and var space && line.EndsWith(';') && Recipe.Parse(line[(space + 1)..^1]) is { } recipe) recipes[line[..space]] = recipe;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException) { } // none yet, or not for us
        }
    }

    /// <summary>Threads are part of the key, since blocks are shared among them.</summary>
    static string KeyOf(string kernel) => Hash($"{WorkerPool.Threads} {kernel}");

    static string Hash(string text) => Fingerprint.Text(Encoding.UTF8.GetBytes(text));
}
