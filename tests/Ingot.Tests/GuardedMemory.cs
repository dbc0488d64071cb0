using System.Runtime.CompilerServices;
using Ingot.Runtime;

namespace Ingot.Tests;

/// <summary>All tests run with native buffers that end at a guard page, unless INGOT_GUARD says otherwise.</summary>
static class GuardedMemory
{
    [ModuleInitializer]
    internal static void TurnOn()
    {
        if (Environment.GetEnvironmentVariable("INGOT_GUARD") is null) Settings.Guard = true;
    }
}
