using System.Text;
using Ingot.Graph;

namespace Ingot.Kernels;

/// <summary>DEBUG=3: a loop nest as loops a person can read. What a statement uses twice is written once, above it.</summary>
sealed class NestPrinter
{
    readonly StringBuilder text = new();
    readonly Dictionary<Node, string> names = new(ReferenceEqualityComparer.Instance);
    int loops, values, accumulators;

    public static string Print(LoopNest nest)
    {
        var printer = new NestPrinter();
        for (int i = 0; i < nest.Slots.Count; i++)
            if (nest.Slots[i] is { ScratchElements: > 0 } s) printer.text.Append($"scratch{(s.PerWorker ? " of each worker" : "")}: slot{i} {s.DType.Name}[{s.ScratchElements}]\n");
        foreach (var p in nest.Phases)
        {
            printer.text.Append($"{p.Name}: {p.Extent} in parallel, in multiples of {p.Grain}\n");
            printer.Block(p.Body, 1);
        }
        return printer.text.ToString();
    }

    void Line(int depth, string line) => text.Append(' ', 2 * depth).Append(line).Append('\n');

    void Block(List<Stmt> block, int depth)
    {
        foreach (var s in block)
            switch (s)
            {
                case For f:
                    string from = Expr(f.From, depth), to = Expr(f.To, depth);
                    string i = names[f.Var] = $"i{loops++}";
                    Line(depth, $"for {i} from {from} to {to}{(f.Step == 1 ? "" : $" by {f.Step}")}");
                    Block(f.Body, depth + 1);
                    break;
                case If f:
                    Line(depth, $"if {Expr(f.Condition, depth)}");
                    Block(f.Then, depth + 1);
                    if (f.Else.Count == 0) break;
                    Line(depth, "else");
                    Block(f.Else, depth + 1);
                    break;
                case Init a:
                    string start = Expr(a.Value, depth);
                    Line(depth, $"{Accumulator(a.Acc)} = {start}");
                    break;
                case Update u:
                    string term = Expr(u.Value, depth);
                    Line(depth, $"{Accumulator(u.Acc)} {(Infix(u.Kind) is { } sign ? $"{sign}= {term}" : $"= {u.Kind}({Accumulator(u.Acc)}, {term})")}");
                    break;
                case Store t:
                    string index = Expr(t.Index, depth), value = Expr(t.Value, depth);
                    Line(depth, $"slot{t.Slot}[{index}] = {value}{(t.NonTemporal ? "  (past the caches)" : "")}");
                    break;
                case MatrixProduct t:
                    string[] at = [.. t.Expressions.Select(e => Expr(e, depth))];
                    Line(depth, $"slot{t.C.Slot}[{at[2]}] = ({at[4]} ? slot{t.C.Slot}[{at[2]}] : 0) + slot{t.A.Slot}[{at[0]}] x slot{t.B.Slot}[{at[1]}], {at[3]} steps");
                    break;
                case StoreTransposed t:
                    string corner = Expr(t.Index, depth);
                    for (int c = 0; c < t.Values.Length; c++) Line(depth, $"slot{t.Slot}[{corner} + {c} + {t.Stride}*lane] = {Expr(t.Values[c], depth)}");
                    break;
                case Prefetch p: Line(depth, $"prefetch slot{p.Slot}[{Expr(p.Index, depth)}]"); break;
                default: throw new InvalidOperationException($"no text for a {s.GetType().Name}");
            }
    }

    string Accumulator(Node acc) => names.TryGetValue(acc, out var name) ? name : names[acc] = $"acc{accumulators++}{(acc.src.Length > 0 ? ".v" : "")}";

    /// <summary>The expression as text; lines for what it uses more than once come first.</summary>
    string Expr(Node root, int depth)
    {
        var known = new HashSet<Node>(names.Keys, ReferenceEqualityComparer.Instance);
        var uses = new Dictionary<Node, int>(ReferenceEqualityComparer.Instance);
        var order = Build.TopologicalOrder([root], known.Contains);
        foreach (var n in order)
            foreach (var s in n.src) uses[s] = uses.GetValueOrDefault(s) + 1;
        var written = new Dictionary<Node, string>(ReferenceEqualityComparer.Instance);
        foreach (var n in order)
        {
            string one = names.TryGetValue(n, out var name) ? name : Operation(n, written);
            if (n != root && n.src.Length > 0 && n.DType != DType.I64 && n.Op != Op.Acc && !names.ContainsKey(n) && (uses[n] > 1 || one.Length > 100))
            {
                Line(depth, $"v{values} = {one}");
                one = $"v{values++}";
            }
            written[n] = one;
        }
        return Bare(written[root]);
    }

    /// <summary>Without the brackets around the whole.</summary>
    static string Bare(string text) => text is ['(', .. var inner, ')'] && Balanced(inner) ? inner : text;

    /// <summary>Whether the outer brackets belong together.</summary>
    static bool Balanced(string inner)
    {
        int depth = 0;
        foreach (char c in inner)
        {
            depth += c == '(' ? 1 : c == ')' ? -1 : 0;
            if (depth < 0) return false;
        }
        return true;
    }

    string Operation(Node n, Dictionary<Node, string> of)
    {
        string Arg(int i) => of[n.src[i]];
        return n.Op switch
        {
            Op.Const => n.DType.IsFloat ? $"{n.Const!.Value:R}" : $"{n.IntConst}",
            Op.Range when n.Arg is LaneArg lane => $"lane{lane.Lanes}",
            Op.Arg => n.Arg is SlotArg a ? $"arg{a.Slot}" : n.Arg is SizeArg size ? $"{size.Value}" : $"chunk.{Chunk.Name(n)}",
            Op.Acc => Accumulator(n),
            Op.Load => n.src.Length > 1 ? $"(if {Arg(1)} slot{((BufferSlot)n.Arg!).Slot}[{Bare(Arg(0))}])" : $"slot{((BufferSlot)n.Arg!).Slot}[{Bare(Arg(0))}]",
            Op.Where => $"({Arg(0)} ? {Arg(1)} : {Arg(2)})",
            Op.Cast or Op.Bitcast => $"{(n.Op == Op.Bitcast ? "bits_as_" : "")}{n.DType.Name}({Bare(Arg(0))})",
            Op.Neg => $"-{Arg(0)}",
            Op.CheckIndex => $"checked({Arg(0)}, {((CheckArg)n.Arg!).Extent})",
            Op.Across => $"across({Bare(Arg(0))})",
            Op.Add when n.src[1].Op == Op.Neg && Arg(1) is ['-', .. var rest] => $"({Arg(0)} - {rest})",
            _ when n.src.Length == 2 && Infix(n.Op) is { } sign => $"({Arg(0)} {sign} {Arg(1)})",
            _ => $"{n.Op.ToString().ToLowerInvariant()}({string.Join(", ", n.src.Select(s => Bare(of[s])))})",
        };
    }

    static string? Infix(Op op) => op switch
    {
        Op.Add => "+",
        Op.Mul => "*",
        Op.Div or Op.IDiv => "/",
        Op.Mod => "%",
        Op.CmpLt => "<",
        Op.CmpNe => "!=",
        Op.And => "&",
        Op.Or => "|",
        Op.Xor => "^",
        Op.Shl => "<<",
        Op.Shr => ">>",
        _ => null,
    };
}
