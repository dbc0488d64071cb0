namespace Ingot.Llm.Training;

/// <summary>A number that differs where what it is of does, by which a continued stage knows its data and its model again: FNV-1a over words of 32 bits.</summary>
/// <remarks>Fowler, Noll, Vo 1991. It guards against mistakes, not against malice.</remarks>
struct Fingerprint()
{
    public ulong Value { get; private set; } = 14695981039346656037;

    public void Add(uint word) => Value = (Value ^ word) * 1099511628211;

    public void Add(ReadOnlySpan<int> words)
    {
        foreach (int word in words) Add((uint)word);
    }

    public void Add(string text)
    {
        foreach (char c in text) Add(c);
    }

    /// <summary>Of a model's weights.</summary>
    public static ulong Of(Models.Decoder model)
    {
        var print = new Fingerprint();
        foreach (var (_, tensor) in Nn.Module.StateDict(model))
            foreach (float value in tensor.ToArray<float>()) print.Add(BitConverter.SingleToUInt32Bits(value));
        return print.Value;
    }
}
