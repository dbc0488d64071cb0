using Ingot.Formats;

namespace Ingot.Onnx.Conformance;

/// <summary>Values written as npy files.</summary>
static class ValueFiles
{
    /// <summary>
    /// Writes output_0.npy, output_1.npy and so on. Types that npy lacks are written as ones that hold them: bf16 and 8- and 4-bit floats as float32, 4- and 2-bit integers as 8-bit ones.
    /// Items of a sequence become output_0_0.npy, output_0_1.npy; strings output_0.txt, one a line.
    /// </summary>
    public static void Save(string folder, string name, IReadOnlyList<OnnxValue> values)
    {
        if (name.Split('/').Any(p => p is "" or "." or "..") || name.IndexOfAny(['\\', ':', '\0']) >= 0) throw new IngotException($"'{name}' cannot be a folder's name");
        string target = Path.Combine(folder, name);
        Directory.CreateDirectory(target);
        for (int i = 0; i < values.Count; i++) Save(Path.Combine(target, $"output_{i}"), values[i]);
    }

    /// <summary>Writes one value to PATH.npy (or several, or a text file).</summary>
    public static void Save(string path, OnnxValue value)
    {
        switch (value)
        {
            case OnnxTensor t:
                var tensor = t.DType.IsSmallFloat || t.DType == OnnxDType.BFloat16 ? Tensor.From(Array.ConvertAll(Judge.Values(t), d => (float)d), [(int)t.Storage.Count]).Reshape(t.Shape) : t.Storage;
                Npy.Save(path + ".npy", tensor);
                break;
            case StringTensor s: AtomicFile.WriteText(path + ".txt", string.Concat(s.Values.Select(v => v.ReplaceLineEndings("\\n") + "\n"))); break;
            case OnnxSequence s:
                for (int i = 0; i < s.Items.Count; i++) Save($"{path}_{i}", s.Items[i]);
                break;
            case OnnxOptional { Value: { } inner }: Save(path, inner); break;
            case OnnxMap m: AtomicFile.WriteText(path + ".txt", string.Concat(m.Entries.Select(e => $"{e.Key}\t{e.Value}\n"))); break;
        }
    }
}
