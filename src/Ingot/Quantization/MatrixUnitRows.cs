namespace Ingot;

/// <summary>
/// Which rows go through the matrix unit in products with stored weights (<see cref="QuantizedMatrix.Linear"/>), where there is one. Those are rounded to bf16, and so are the weights; all others are
/// multiplied by vectors, in another way with other bits. It is the caller who says so and not the number of rows, so that a row's result does not depend on which others are computed with it.
/// </summary>
/// <remarks>
/// It pays from about sixteen rows on, for BF16 from four: weights are decoded whole and tiles have 32 rows, however few are there (docs/quantization.md has the count). Rows that are there at
/// once, such as a prompt's, belong on the unit; the next token of a text does not.
/// </remarks>
public sealed class MatrixUnitRows
{
    static readonly AsyncLocal<MatrixUnitRows?> current = new();

    readonly bool areAll;
    bool[] flags = [];
    int count;

    /// <summary>No rows, until <see cref="Set"/> says which.</summary>
    public MatrixUnitRows() { }

    MatrixUnitRows(bool areAll) => this.areAll = areAll;

    /// <summary>All rows, always.</summary>
    public static MatrixUnitRows All { get; } = new(areAll: true);

    /// <summary>What products that are built here and now obey; null: no row goes through the unit.</summary>
    internal static MatrixUnitRows? Current => current.Value;

    /// <summary>Says it anew, for products that run from now on, those of captured graphs too. Rows beyond these are as the last of them.</summary>
    /// <param name="areOnUnit">A flag a row: of all dimensions but the last, together.</param>
    public void Set(ReadOnlySpan<bool> areOnUnit)
    {
        if (areAll) throw new InvalidOperationException("all rows are on the unit; make an instance of your own to choose some");
        if (flags.Length < areOnUnit.Length) flags = new bool[areOnUnit.Length];
        areOnUnit.CopyTo(flags);
        count = areOnUnit.Length;
    }

    /// <summary>Products that are built from now on, until the result is disposed, obey this.</summary>
    public IDisposable Use() => new Scope(this);

    /// <summary>The rows from this one on that go the same way.</summary>
    /// <param name="first">The row.</param>
    /// <param name="rows">How many there are.</param>
    /// <returns>Where they end, and whether they are on the unit.</returns>
    internal (int End, bool AreOnUnit) Run(int first, int rows)
    {
        if (areAll || count == 0) return (rows, areAll);
        bool way = flags[Math.Min(first, count - 1)];
        int end = first + 1;
        while (end < count && flags[end] == way) end++;
        return (end >= count ? rows : Math.Min(end, rows), way);
    }

    sealed class Scope : IDisposable
    {
        readonly MatrixUnitRows? before = current.Value;
        public Scope(MatrixUnitRows rows) => current.Value = rows;
        public void Dispose() => current.Value = before;
    }
}
