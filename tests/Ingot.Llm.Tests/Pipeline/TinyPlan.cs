using Ingot.Llm.Planning;

namespace Ingot.Llm.Tests.Pipeline;

/// <summary>A plan of seconds, made by hand: a run finds it in its folder and asks no clock.</summary>
static class TinyPlan
{
    public static SpeedrunPlan Of(SpeedrunSettings settings)
    {
        var shape = ModelShape.OfDepth(1, 400, 64);
        static StagePlan Stage(string name, int steps) => new(name, steps, steps * 4.0 * 64, 1);
        return new()
        {
            Settings = settings,
            Model = shape,
            Parameters = shape.Parameters,
            Tokens = 28 * 256,
            Flops6nd = 1,
            FlopsExact = 1,
            Memory = new(1, 1, 1, 1, 1),
            Seconds = 10,
            Machine = new("none", 1, 1, 1, 1, 1),
            Stages = [Stage("base", 12), Stage("mid", 8), Stage("sft", 8), Stage("dpo", 2), Stage("rl", 1)],
            Options = new() { Name = "base", Steps = 1, Batch = 4 },
            EvaluationItems = 10,
        };
    }
}
