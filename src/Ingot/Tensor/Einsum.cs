namespace Ingot;

/// <summary>One Einstein summation: every operand's dimensions are named, and contracted pair by pair.</summary>
sealed class Einsum
{
    /// <summary>A tensor whose dimension i is called Names[i], each name once.</summary>
    readonly record struct Term(Tensor Value, string Names);

    /// <summary>Names of the dimensions behind "...", numbered from the right: the private use area of Unicode.</summary>
    const char Ellipsis = '\uE000';

    readonly string equation, output;
    readonly DType dtype;
    readonly List<Term> terms = [];
    readonly Dictionary<char, int> extents = [];

    public Einsum(string equation, Tensor[] operands)
    {
        this.equation = equation;
        var sides = equation.Replace(" ", "").Split("->");
        var inputs = sides[0].Split(',');
        if (sides.Length > 2 || inputs.Length != operands.Length)
            throw Error($"it has {inputs.Length} terms for {operands.Length} operands");
        int leading = 0;
        dtype = Tensor.ResultType(operands);
        for (int i = 0; i < inputs.Length; i++)
        {
            int dims = operands[i].Rank - inputs[i].Replace("...", "").Length;
            if (dims < 0 || (dims > 0 && !inputs[i].Contains("...")))
                throw Error($"'{inputs[i]}' does not name the {operands[i].Rank} dimensions of operand {i}, {operands[i].Shape}");
            if (inputs[i].Contains("...")) leading = Math.Max(leading, dims);
            terms.Add(Diagonal(new(operands[i].To(dtype.ComputeType), Spell(inputs[i], dims))));
            foreach (var (name, extent) in terms[^1].Names.Zip(terms[^1].Value.Shape)) Learn(name, extent, i, operands[i]);
        }
        output = sides.Length == 2 ? Spell(sides[1], leading) : Implicit(inputs, leading);
        foreach (var name in output)
            if (!extents.ContainsKey(name) || output.Count(c => c == name) > 1) throw Error($"'{name}' of the result must stand once in it, and in an operand");
    }

    public Tensor Result()
    {
        var result = Sum(terms[0], Needed(1));
        for (int i = 1; i < terms.Count; i++) result = Contract(result, terms[i], Needed(i + 1));
        return Align(result, output).Reshape([.. output.Select(c => extents[c])]).To(dtype);
    }

    /// <summary>Names that the result or an operand from number i on still has.</summary>
    HashSet<char> Needed(int i) => [.. output, .. terms.Skip(i).SelectMany(t => t.Names)];

    /// <summary>Batch, left-only and right-only names in front and the summed ones last: one Reduce(Add) of one Mul.</summary>
    static Term Contract(Term a, Term b, HashSet<char> needed)
    {
        a = Sum(a, [.. needed, .. b.Names]);
        b = Sum(b, [.. needed, .. a.Names]);
        var all = a.Names.Union(b.Names).ToList();
        string kept = new([.. all.Where(needed.Contains)]), summed = new([.. all.Where(c => !needed.Contains(c))]);
        if (summed.Length == 0) return new(Align(a, kept) * Align(b, kept), kept);
        Tensor Operand(Term t) => Align(t with { Value = new(Precision.Operand(t.Value.Node)) }, kept + summed);
        var sum = (Operand(a) * Operand(b)).Sum([.. Enumerable.Range(kept.Length, summed.Length)]);
        return new(new(Precision.Product(sum.Node, sum.DType)), kept);
    }

    static Term Sum(Term t, HashSet<char> needed)
    {
        int[] axes = [.. Enumerable.Range(0, t.Names.Length).Where(i => !needed.Contains(t.Names[i]))];
        return axes.Length == 0 ? t : new(t.Value.Sum(axes), new([.. t.Names.Where(needed.Contains)]));
    }

    /// <summary>Dimensions in the order of the names, with extent 1 for those it does not have.</summary>
    static Tensor Align(Term t, string names)
    {
        int[] order = [.. names.Where(c => t.Names.Contains(c)).Select(c => t.Names.IndexOf(c))];
        int[] dims = [.. names.Select(c => t.Names.IndexOf(c) is >= 0 and var i ? t.Value.Shape[i] : 1)];
        return t.Value.Permute(order).Reshape(dims);
    }

    /// <summary>A name twice in one operand is its diagonal: the elements where both indices are equal.</summary>
    Term Diagonal(Term t)
    {
        for (int j = 1; j < t.Names.Length; j++)
        {
            int i = t.Names.IndexOf(t.Names[j]);
            if (i == j) continue;
            int[] column = [.. t.Value.Shape.Select((_, d) => d == i ? -1 : 1)], row = [.. t.Value.Shape.Select((_, d) => d == j ? -1 : 1)];
            if (t.Value.Shape[i] != t.Value.Shape[j]) throw Error($"'{t.Names[j]}' stands for two dimensions of {t.Value.Shape}, which are {t.Value.Shape[i]} and {t.Value.Shape[j]}");
            var equal = Tensor.Arange(t.Value.Shape[i]).Reshape(column).Eq(Tensor.Arange(t.Value.Shape[j]).Reshape(row));
            return Diagonal(new(equal.Where(t.Value, Tensor.ZerosLike(t.Value)).Sum(j).To(t.Value.DType), t.Names.Remove(j, 1)));
        }
        return t;
    }

    static string Spell(string term, int dims) => term.Replace("...", new([.. Enumerable.Range(0, dims).Select(i => (char)(Ellipsis + dims - 1 - i))]));

    static string Implicit(string[] inputs, int leading)
    {
        var letters = string.Concat(inputs).Replace("...", "");
        return Spell("...", leading) + new string([.. letters.Where(c => letters.Count(d => d == c) == 1).Order()]);
    }

    void Learn(char name, int extent, int operand, Tensor value)
    {
        if (name < Ellipsis && !char.IsAsciiLetter(name)) throw Error($"'{name}' is not a letter");
        bool isNew = extents.TryAdd(name, extent);
        if (isNew || extents[name] == extent || extent == 1) return; // an extent of 1 broadcasts, as everywhere
        if (extents[name] == 1) extents[name] = extent;
        else throw Error($"'{(name >= Ellipsis ? "..." : name)}' is {extents[name]} in one operand and {extent} in operand {operand}, {value.Shape}");
    }

    ShapeException Error(string what) => new($"cannot evaluate einsum \"{equation}\": {what}");
}
