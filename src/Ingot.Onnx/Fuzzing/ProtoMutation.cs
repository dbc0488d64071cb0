using System.Text;
using Ingot.Onnx.Format;

namespace Ingot.Onnx.Fuzzing;

/// <summary>Changes a protobuf message as a tree, so that it stays protobuf: fields missing, doubled, exchanged, of another number or wire type, numbers at their limits, names that collide.</summary>
static class ProtoMutation
{
    static readonly ulong[] Limits = [0, 1, 2, 3, 4, 7, 8, 11, 14, 15, 26, 27, 100, 101, int.MaxValue, 1ul << 31, 1ul << 32, long.MaxValue, 1ul << 63, ulong.MaxValue];

    static readonly string[] Texts = ["", "x", "..", "../w.bin", "/w.bin", "missing.bin", "sub", "sub/w.bin", "out.bin", "a\0b", "w.bin", "-1", "4", "99999999999999999999", "location", "offset", "length", "ai.onnx", "ai.onnx.ml", "own", "Identity", "Frobnicate"];

    /// <summary>One to four changes.</summary>
    public static byte[] Apply(byte[] message, ProtoKind kind, Random random)
    {
        var root = ProtoField.Read(message, kind);
        for (int n = random.Next(2) == 0 ? 1 : random.Next(2, 5); n > 0; n--) Change(root, random);
        return root.Content();
    }

    static void Change(ProtoField root, Random random)
    {
        var messages = new List<ProtoField>();
        Collect(root, messages);
        var parent = messages[random.Next(messages.Count)];
        if (parent.Fields.Count == 0)
        {
            parent.Fields.Add(messages[random.Next(messages.Count)].Copy());
            return;
        }
        int at = random.Next(parent.Fields.Count);
        var field = parent.Fields[at];
        switch (random.Next(12))
        {
            case 0: parent.Fields.RemoveAt(at); break;
            case 1: parent.Fields.Insert(random.Next(parent.Fields.Count + 1), field.Copy()); break;
            case 2: field.Number = random.Next(1, 27); break;
            case 3: field.Wire = (Wire)(random.Next(9) == 0 ? 3 : random.GetItems([0, 1, 2, 5], 1)[0]); break;
            case 4:
                var donor = messages[random.Next(messages.Count)];
                if (donor.Fields.Count > 0) parent.Fields.Insert(at, donor.Fields[random.Next(donor.Fields.Count)].Copy());
                break;
            case 5: Deepen(messages, random); break;
            default:
                if (field.Wire != Wire.Bytes) field.Value = random.Next(3) == 0 ? field.Value + (ulong)random.Next(-3, 4) : Limits[random.Next(Limits.Length)];
                else if (field.Kind == ProtoKind.Leaf) field.Bytes = Text(field.Bytes, messages, random);
                else parent.Fields[at] = SameKind(field, messages, random);
                break;
        }
    }

    /// <summary>Another text of the message, so that names collide; or one that parsers are afraid of; or a piece more or less.</summary>
    static byte[] Text(byte[] old, List<ProtoField> messages, Random random)
    {
        switch (random.Next(4))
        {
            case 0: return Encoding.UTF8.GetBytes(Texts[random.Next(Texts.Length)]);
            case 1: return old.Length > 0 && random.Next(2) == 0 ? old[..random.Next(old.Length)] : [.. old, (byte)random.Next(256)];
            default:
                var donors = messages[random.Next(messages.Count)].Fields.FindAll(f => f.Kind == ProtoKind.Leaf && f.Wire == Wire.Bytes);
                return donors.Count > 0 ? donors[random.Next(donors.Count)].Bytes : [];
        }
    }

    static ProtoField SameKind(ProtoField field, List<ProtoField> messages, Random random)
    {
        var others = messages.FindAll(m => m.Kind == field.Kind);
        var other = others[random.Next(others.Count)].Copy();
        other.Number = field.Number;
        return other;
    }

    /// <summary>A message that holds one of its kind (a graph in a branch, a type in a sequence) within itself, a few times or more often than is allowed.</summary>
    static void Deepen(List<ProtoField> messages, Random random)
    {
        var whole = messages[random.Next(messages.Count)];
        var original = whole.Copy();
        int weight = Weight(original), depth = random.Next(3) == 0 ? random.Next(20, 60) : random.Next(1, 3);
        if (weight > 60) depth = Math.Min(depth, 2);
        for (var place = Inner(whole); place is { } p && depth > 0; depth--)
        {
            var inner = original.Copy();
            inner.Number = p.List[p.At].Number;
            p.List[p.At] = inner;
            place = Inner(inner);
        }

        (List<ProtoField> List, int At)? Inner(ProtoField within)
        {
            for (int i = 0; i < within.Fields.Count; i++)
            {
                if (within.Fields[i].Kind == whole.Kind) return (within.Fields, i);
                if (Inner(within.Fields[i]) is { } deeper) return deeper;
            }
            return null;
        }
    }

    static int Weight(ProtoField field) => 1 + field.Fields.Sum(Weight);

    static void Collect(ProtoField field, List<ProtoField> messages)
    {
        if (field.Kind == ProtoKind.Leaf) return;
        messages.Add(field);
        foreach (var f in field.Fields) Collect(f, messages);
    }
}
