using System.Text.RegularExpressions;
using Mono.Cecil;
using Mono.Cecil.Cil;
using Mono.Cecil.Rocks;

namespace Ingot.Coverage;

/// <summary>Puts a probe behind each way that a conditional jump of the compiled code can go: taken and not, and each label of a switch.</summary>
/// <remarks>
/// Branches are those of the code, so <c>a is &lt; 0 or &gt; 9</c> has four. Not counted is what no input decides and no line of source says: whether a lambda was made already, whether there is
/// something to dispose, the states of iterators, and the arm that the compiler adds to a switch expression that leaves nothing out.
/// </remarks>
sealed partial class Instrumentation(Func<string, bool> isWanted)
{
    readonly List<Branch> branches = [];

    /// <summary>All branches so far; a probe's argument is an index of this list.</summary>
    public IReadOnlyList<Branch> Branches => branches;

    /// <summary>The assembly with probes.</summary>
    public byte[] Apply(string path)
    {
        using var resolver = new DefaultAssemblyResolver();
        resolver.AddSearchDirectory(Path.GetDirectoryName(path));
        resolver.AddSearchDirectory(Path.GetDirectoryName(typeof(object).Assembly.Location));
        using var assembly = AssemblyDefinition.ReadAssembly(path, new() { ReadSymbols = true, AssemblyResolver = resolver, InMemory = true });
        var hit = assembly.MainModule.ImportReference(typeof(Probe).GetMethod(nameof(Probe.Hit)));
        foreach (var type in assembly.MainModule.GetTypes())
            foreach (var method in type.Methods)
                if (method.HasBody && FileOf(method) is { } file && isWanted(file)) Apply(method, file, hit);
        var changed = new MemoryStream();
        assembly.Write(changed);
        return changed.ToArray();
    }

    static string? FileOf(MethodDefinition method)
    {
        string? url = method.DebugInformation.SequencePoints.FirstOrDefault(p => !p.IsHidden)?.Document.Url.Replace('\\', '/');
        int at = url?.LastIndexOf("/src/", StringComparison.Ordinal) ?? -1;
        return at < 0 ? null : url![(at + 1)..];
    }

    void Apply(MethodDefinition method, string file, MethodReference hit)
    {
        var points = method.DebugInformation.SequencePoints.ToDictionary(p => p.Offset);
        var body = method.Body;
        body.SimplifyMacros(); // short jumps would not reach over the probes
        var il = body.GetILProcessor();
        SequencePoint? current = null;
        string name = NameOf(method);
        foreach (var instruction in body.Instructions.ToArray())
        {
            if (points.TryGetValue(instruction.Offset, out var point)) current = point;
            if (instruction.OpCode.FlowControl != FlowControl.Cond_Branch || current is null || current.IsHidden || IsMadeByTheCompiler(instruction)) continue;
            if (instruction.OpCode == OpCodes.Switch) Switch(instruction, current.StartLine);
            else Jump(instruction, current.StartLine);
        }
        body.OptimizeMacros();

        Instruction[] Probed(int line, string outcome)
        {
            branches.Add(new(file, line, name, outcome));
            return [il.Create(OpCodes.Ldc_I4, branches.Count - 1), il.Create(OpCodes.Call, hit)];
        }

        // jump TAKEN; probe; br rest; TAKEN: probe; br target; rest: so no jump leaves a try block that did not before.
        void Jump(Instruction jump, int line)
        {
            var target = (Instruction)jump.Operand;
            var rest = jump.Next;
            var inserted = new List<Instruction>();
            bool goes = !Throws(target), falls = !Throws(rest);
            if (falls) inserted.AddRange(Probed(line, "else"));
            inserted.Add(il.Create(OpCodes.Br, rest));
            int taken = inserted.Count;
            if (goes) inserted.AddRange(Probed(line, "jump"));
            inserted.Add(il.Create(OpCodes.Br, target));
            jump.Operand = inserted[taken];
            Insert(jump, inserted);
        }

        void Switch(Instruction jump, int line)
        {
            var targets = (Instruction[])jump.Operand;
            var rest = jump.Next;
            var inserted = new List<Instruction>();
            if (!Throws(rest)) inserted.AddRange(Probed(line, "no label"));
            inserted.Add(il.Create(OpCodes.Br, rest));
            var moved = new Dictionary<Instruction, Instruction>();
            foreach (var (i, target) in targets.Index())
            {
                if (moved.ContainsKey(target)) continue;
                int at = inserted.Count;
                // Gaps between labels go where all other values go.
                if (!Throws(target) && target != Followed(rest)) inserted.AddRange(Probed(line, $"label {i}"));
                inserted.Add(il.Create(OpCodes.Br, target));
                moved[target] = inserted[at];
            }
            jump.Operand = Array.ConvertAll(targets, t => moved[t]);
            Insert(jump, inserted);
        }

        void Insert(Instruction after, List<Instruction> inserted)
        {
            foreach (var i in inserted)
            {
                il.InsertAfter(after, i);
                after = i;
            }
        }
    }

    static Instruction Followed(Instruction i) => i.OpCode.Code is Code.Br or Code.Br_S ? (Instruction)i.Operand : i;

    /// <summary>What the compiler adds to a switch expression that covers everything.</summary>
    static bool Throws(Instruction target)
    {
        var i = Followed(target);
        for (int n = 0; n < 3 && i is not null; n++, i = i.Next)
            if (i.OpCode == OpCodes.Call && i.Operand is MethodReference { Name: var called } && called.StartsWith("ThrowSwitchExpressionException", StringComparison.Ordinal)) return true;
        return false;
    }

    /// <summary>ldsfld cache; dup; brtrue: makes a lambda, the first time.</summary>
    static bool IsMadeByTheCompiler(Instruction jump) =>
        jump.Previous is { OpCode.Code: Code.Dup } dup ? IsCache(dup.Previous) : IsCache(jump.Previous);

    static bool IsCache(Instruction? i) => i is { OpCode.Code: Code.Ldsfld, Operand: FieldReference { DeclaringType.Name: var type, Name: var field } } && (type.StartsWith('<') || field.Contains("CachedAnonymous", StringComparison.Ordinal));

    /// <summary>The name as written, of the method around it where the compiler made one of a lambda, a local function or an iterator.</summary>
    static string NameOf(MethodDefinition method)
    {
        var type = method.DeclaringType;
        string name = method.Name;
        if (Made().Match(name) is { Success: true } own) name = own.Groups[1].Value;
        while (type.Name.StartsWith('<') && type.DeclaringType is not null)
        {
            if (method.Name is "MoveNext" && Made().Match(type.Name) is { Success: true } iterator) name = iterator.Groups[1].Value;
            type = type.DeclaringType;
        }
        return name;
    }

    [GeneratedRegex("^<([^<>]+)>")]
    private static partial Regex Made();
}
