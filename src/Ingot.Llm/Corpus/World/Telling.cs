using System.Text;

namespace Ingot.Llm.Corpus.World;

/// <summary>Which side of the split a text belongs to.</summary>
public enum Split
{
    /// <summary>Text to train on.</summary>
    Train,
    /// <summary>Text of names, combinations, plots and question templates that training text never has.</summary>
    HeldOut,
}

/// <summary>Texts being written by a <see cref="Grammar"/>: the bytes, the words remembered, and the bits of the choices made.</summary>
sealed class Telling(Grammar grammar, WordLists words, Split split)
{
    readonly Word?[] variables = new Word?[grammar.Variables];
    readonly int deed = grammar.Variable("deed"), deedObject = grammar.Variable("object");
    readonly Word[] objects = words["goods"], verbs = words["act"];
    readonly double deedBits = Math.Log2(words["goods"].Length) + Math.Log2(words["act"].Length);
    byte[] buffer = new byte[1 << 16];
    StoryRandom random;
    bool capital;
    Word? last;

    /// <summary>Bytes written since <see cref="Clear"/>.</summary>
    public int Length { get; private set; }

    /// <summary>The sum of log2(choices) since <see cref="Clear"/>: the entropy of the derivation, which bounds that of the text from above, since two derivations may give one text.</summary>
    public double Bits { get; private set; }

    public ReadOnlySpan<byte> Bytes => buffer.AsSpan(0, Length);

    public ref StoryRandom Random => ref random;

    public Word? this[int variable] { get => variables[variable]; set => variables[variable] = value; }

    public void Clear() => (Length, Bits) = (0, 0);

    /// <summary>A new text: nothing remembered, a capital due.</summary>
    public void Begin(StoryRandom newRandom)
    {
        (random, capital, last) = (newRandom, true, null);
        Array.Clear(variables);
    }

    public T Pick<T>(T[] options)
    {
        Bits += Math.Log2(options.Length);
        return options[random.Below(options.Length)];
    }

    /// <summary>Notes a choice that the caller made.</summary>
    public void Spend(double bits) => Bits += bits;

    /// <summary>Any alternative of the rule.</summary>
    public void Write(Grammar.Rule rule)
    {
        Bits += rule.Bits;
        Write(rule.Alternatives[random.Below(rule.Alternatives.Length)]);
    }

    /// <summary>The alternative chosen by the caller, which has counted its bits.</summary>
    public void Write(Grammar.Rule rule, int alternative) => Write(rule.Alternatives[alternative]);

    /// <summary>A line feed in place of the space after a sentence.</summary>
    public void EndParagraph()
    {
        while (Length > 0 && buffer[Length - 1] == ' ') Length--;
        Append("\n"u8);
        capital = true;
    }

    void Write(Grammar.Node[] nodes)
    {
        foreach (var node in nodes)
            switch (node.Kind)
            {
                case Grammar.NodeKind.Text:
                    Append(node.Text);
                    break;
                case Grammar.NodeKind.Choice:
                    Bits += node.Bits;
                    Write(node.Options[random.Below(node.Options.Length)]);
                    break;
                case Grammar.NodeKind.Rule:
                    Write(node.Rule!);
                    break;
                case Grammar.NodeKind.Word:
                    Bits += node.Bits;
                    Append((last = Unused(node.List))[node.Form]);
                    break;
                case Grammar.NodeKind.Variable:
                    Append((variables[node.Variable] ?? throw new InvalidOperationException("a text uses a word before it is bound"))[node.Form]);
                    break;
                case Grammar.NodeKind.Bind or Grammar.NodeKind.BindSilently:
                    Bits += node.Bits;
                    variables[node.Variable] = Unused(node.List);
                    if (node.Kind == Grammar.NodeKind.Bind) Append(variables[node.Variable]![0]);
                    break;
                case Grammar.NodeKind.Deed:
                    ChooseDeed(variables[node.Variable]!);
                    break;
                case Grammar.NodeKind.Article:
                    Append("a"u8);
                    break;
                case Grammar.NodeKind.Capital:
                    capital = true;
                    break;
            }
    }

    /// <summary>A word of the list that is neither the one written last nor remembered under any name: two things in a story are not the same by accident.</summary>
    Word Unused(Word[] list)
    {
        while (true)
        {
            var word = list[random.Below(list.Length)];
            if (word != last && !IsRemembered(word)) return word;
        }
    }

    bool IsRemembered(Word word)
    {
        foreach (var v in variables) if (v == word) return true;
        return false;
    }

    /// <summary>A verb and an object that suit the split, for who does it.</summary>
    void ChooseDeed(Word who)
    {
        Bits += deedBits;
        do (variables[deed], variables[deedObject]) = (Unused(verbs), Unused(objects));
        while (HoldOut.Deed(who.KindHash, variables[deed]!.Hash, variables[deedObject]!.Hash) != (split == Split.HeldOut));
    }

    void Append(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty) return;
        if (Length + text.Length + 1 > buffer.Length) Array.Resize(ref buffer, 2 * (Length + text.Length + 1));
        // "a " was written before what follows it was known.
        if (text[0] is (byte)'a' or (byte)'e' or (byte)'i' or (byte)'o' or (byte)'u' or (byte)'h' && EndsInArticle() && SoundsLikeVowel(text))
        {
            (buffer[Length - 1], buffer[Length]) = ((byte)'n', (byte)' ');
            Length++;
        }
        text.CopyTo(buffer.AsSpan(Length));
        if (capital)
        {
            int first = text[0] == '"' && text.Length > 1 ? 1 : 0;
            if (text[first] is >= (byte)'a' and <= (byte)'z') buffer[Length + first] -= 32;
            capital = text[first] == '"';
        }
        Length += text.Length;
    }

    bool EndsInArticle() =>
        Length >= 2 && buffer[Length - 1] == ' ' && buffer[Length - 2] is (byte)'a' or (byte)'A' && (Length == 2 || buffer[Length - 3] is (byte)' ' or (byte)'"' or (byte)'\n');

    /// <summary>By letter, but "a unicorn", "a useful map" and "an honest fox".</summary>
    static bool SoundsLikeVowel(ReadOnlySpan<byte> text) =>
        text[0] == 'h' ? text.StartsWith("honest"u8) || text.StartsWith("hour"u8) : !(text.StartsWith("uni"u8) || text.StartsWith("use"u8) || text.StartsWith("one"u8) || text.StartsWith("eu"u8) || text.StartsWith("uku"u8));

    public override string ToString() => Encoding.UTF8.GetString(Bytes);
}
