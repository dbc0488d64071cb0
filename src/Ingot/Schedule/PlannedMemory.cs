namespace Ingot.Schedule;

/// <summary>Most bytes that a plan run by a thread may need: one that needs more is refused once it is planned, before anything of it is allocated or runs.</summary>
static class PlannedMemory
{
    [ThreadStatic]
    static long? most;

    /// <summary>Holds for plans that this thread runs until the end.</summary>
    /// <param name="bytes">Null: no limit but the pool's own.</param>
    public static Scope Limit(long? bytes) => new(bytes);

    /// <exception cref="IngotException">The plan needs more; the message says what for.</exception>
    public static void Check(Plan plan)
    {
        if (most is not { } limit) return;
        long copies = plan.CopyBytes, need = plan.TotalBytes + copies;
        if (need > limit)
            throw new IngotException($"this run needs {need:N0} bytes, {limit:N0} are allowed, and nothing has run: {plan.MemoryByKind()}{(copies > 0 ? $"; {copies:N0} B of packed copies" : "")}");
    }

    public readonly ref struct Scope
    {
        readonly long? before;

        public Scope(long? bytes) => (before, most) = (most, bytes);

        public void Dispose() => most = before;
    }
}
