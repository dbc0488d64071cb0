namespace Ingot.Formats.Fuzzing;

/// <summary>A field of a file that says how long something else in it is; little endian.</summary>
/// <param name="At">Where the field is.</param>
/// <param name="Size">Its bytes: 1, 2, 4 or 8.</param>
/// <param name="Start">Where what it measures begins.</param>
/// <param name="Length">What it says.</param>
public readonly record struct LengthField(int At, int Size, int Start, int Length);

/// <summary>A file to begin from: valid, or broken on purpose in a way that bytes alone would not find.</summary>
/// <param name="Bytes">The file.</param>
/// <param name="Lengths">Its length fields, which are kept true when their content grows or shrinks: otherwise every such file would be refused at once.</param>
public sealed record FuzzSeed(byte[] Bytes, params IReadOnlyList<LengthField> Lengths)
{
    /// <summary>It is broken already: most are tried as they are.</summary>
    public bool IsChanged { get; init; }
}

/// <summary>A parser to be fuzzed.</summary>
/// <param name="Name">What the command calls it.</param>
/// <param name="Seed">Makes a file to begin from.</param>
/// <param name="Parse">
/// Reads a file; an <see cref="IngotException"/> is a refusal, any other exception a finding, as is an allocation of more than twice the file and <see cref="Allowance"/>.
/// It returns what uses the result (decodes the tensors, encodes a text), for which only exceptions and time count.
/// </param>
public sealed record FuzzTarget(string Name, Func<Random, FuzzSeed> Seed, Func<byte[], Action> Parse)
{
    /// <summary>Bytes that may be allocated besides twice the file. More than a file's parser needs where the input is a program that is compiled.</summary>
    public long Allowance { get; init; } = FuzzRun.Allowance;
}
