using System.Globalization;

namespace Ingot.Kernels;

/// <summary>
/// How a kernel's loops are arranged: the free choices of <see cref="GeneralNest"/> and <see cref="ContractionNest"/>. Null leaves a choice to the
/// heuristic, so <c>new Recipe()</c> is the heuristic recipe. No choice changes a result: the order of every sum belongs to the kernel, not to its recipe.
/// </summary>
sealed record Recipe
{
    /// <summary>Contractions: rows of the register tile.</summary>
    public int? Rows { get; init; }

    /// <summary>Contractions: vectors in a row of the register tile.</summary>
    public int? Vectors { get; init; }

    /// <summary>Contractions: 1 turns the product round, so that the other factor's values lie in vectors (where both can).</summary>
    public int? Turn { get; init; }

    /// <summary>Contractions: 1 copies the left operand to panels first, 2 each thread its block of it, 0 reads it where it is (if it is a plain read).</summary>
    public int? PackA { get; init; }

    /// <summary>Contractions: the same for the right operand (0 only if its columns have unit strides in whole vectors).</summary>
    public int? PackB { get; init; }

    /// <summary>Contractions: row tiles that a thread takes at once; their part of the left operand should stay in the second-level cache.</summary>
    public int? RowBlock { get; init; }

    /// <summary>Contractions: column tiles that a thread takes at once.</summary>
    public int? ColumnBlock { get; init; }

    /// <summary>Contractions: elements of K that are added up before the next tile is taken; 0: all.</summary>
    public int? Depth { get; init; }

    /// <summary>Contractions: elements of K in one turn of the innermost loop.</summary>
    public int? Together { get; init; }

    /// <summary>Contractions: 1 fetches the next panel (or the next rows) of the right operand into the second-level cache while the present one is in use.</summary>
    public int? Prefetch { get; init; }

    /// <summary>Other kernels: vectors in one turn of the vector loop.</summary>
    public int? Unroll { get; init; }

    /// <summary>Other kernels: 1 shares the vector axis among threads and walks the other axes inside, 0 shares the other axes.</summary>
    public int? ShareVectorAxis { get; init; }

    /// <summary>Other kernels: 1 stores results past the caches where they are vectors and not read again.</summary>
    public int? NonTemporal { get; init; }

    /// <summary>Other kernels: 1 fetches the next row's operands into the second-level cache during the last pass over a row.</summary>
    public int? FetchRow { get; init; }

    /// <summary>One choice: its name in texts, whether it is one of contractions, the values that a search tries.</summary>
    sealed record Field(string Name, bool OfContractions, int[] Values, Func<Recipe, int?> Get, Func<Recipe, int, Recipe> With);

    static readonly Field[] Fields =
    [
        new("rows", true, [1, 2, 3, 4, 5, 6, 8, 10, 12, 14], r => r.Rows, (r, v) => r with { Rows = v }),
        new("vectors", true, [1, 2, 3], r => r.Vectors, (r, v) => r with { Vectors = v }),
        new("turn", true, [0, 1], r => r.Turn, (r, v) => r with { Turn = v }),
        new("packA", true, [0, 1, 2], r => r.PackA, (r, v) => r with { PackA = v }),
        new("packB", true, [0, 1, 2], r => r.PackB, (r, v) => r with { PackB = v }),
        new("rowBlock", true, [1, 2, 4, 8, 16, 32], r => r.RowBlock, (r, v) => r with { RowBlock = v }),
        new("columnBlock", true, [1, 2, 4, 8, 16, 64], r => r.ColumnBlock, (r, v) => r with { ColumnBlock = v }),
        new("depth", true, [0, 16, 128, 192, 256, 384, 512], r => r.Depth, (r, v) => r with { Depth = v }),
        new("together", true, [1, 2, 4, 8], r => r.Together, (r, v) => r with { Together = v }),
        new("prefetch", true, [0, 1], r => r.Prefetch, (r, v) => r with { Prefetch = v }),
        new("unroll", false, [1, 2, 4, 8], r => r.Unroll, (r, v) => r with { Unroll = v }),
        new("shareVectorAxis", false, [0, 1], r => r.ShareVectorAxis, (r, v) => r with { ShareVectorAxis = v }),
        new("nonTemporal", false, [0, 1], r => r.NonTemporal, (r, v) => r with { NonTemporal = v }),
        new("fetchRow", false, [0, 1], r => r.FetchRow, (r, v) => r with { FetchRow = v }),
    ];

    /// <summary>Recipes that differ from this one in one choice.</summary>
    /// <param name="ofContractions">Whether the kernel is a contraction: the other choices mean nothing to it (a copy to panels follows the heuristic).</param>
    public IEnumerable<Recipe> Neighbours(bool ofContractions) =>
        from field in Fields
        where field.OfContractions == ofContractions
        from value in field.Values
        where field.Get(this) != value
        select field.With(this, value);

    /// <summary>Any recipe: about half of the choices made at random.</summary>
    public static Recipe Random(Random random)
    {
        var recipe = new Recipe();
        foreach (var field in Fields)
            if (random.Next(2) == 0) recipe = field.With(recipe, field.Values[random.Next(field.Values.Length)]);
        return recipe;
    }

    /// <summary>Such as <c>rows=4 vectors=3</c>; empty for the heuristic recipe.</summary>
    public override string ToString() => string.Join(' ', Fields.Where(f => f.Get(this) is not null).Select(f => string.Create(CultureInfo.InvariantCulture, $"{f.Name}={f.Get(this)}")));

    /// <summary>The recipe a text stands for; null if it is not one (a damaged cache line is then no recipe).</summary>
    public static Recipe? Parse(string text)
    {
        var recipe = new Recipe();
        foreach (string part in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            int eq = part.IndexOf('=', StringComparison.Ordinal);
            var field = Array.Find(Fields, f => eq > 0 && f.Name == part[..eq]);
            if (field is null || !int.TryParse(part.AsSpan(eq + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int value) || value > 1 << 20) return null;
            recipe = field.With(recipe, value);
        }
        return recipe;
    }
}
