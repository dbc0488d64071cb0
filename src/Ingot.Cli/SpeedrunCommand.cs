using System.CommandLine;
using System.Diagnostics;
using Ingot.Llm.Pipeline;
using Ingot.Llm.Planning;
using Ingot.Llm.Training;

namespace Ingot.Cli;

/// <summary><c>ingot speedrun</c>: from nothing to a chat in one command.</summary>
sealed class SpeedrunCommand
{
    readonly StageArguments arguments = new("speedrun", mustStart: false, "Folder of the run: plan, stages, model, report. The same command again goes on with it.");
    readonly Option<double?> minutes = Options.Number<double>("--minutes", "The budget: size, tokens and steps follow from it and from this machine's speed. 10 if neither this nor --depth is given.");
    readonly Option<int?> depth = Options.Number<int>("--depth", "Layers of the model instead; the time follows.");
    readonly Option<double> perParameter = Options.Number("--tokens-per-parameter", null, "Tokens to learn from, a parameter.", new SpeedrunSettings().TokensPerParameter);

    readonly Option<int> port = Options.Number("--port", null, "Of the live page, on this machine only; 0: any that is free.", 0);
    readonly Option<bool> noPage = new("--no-page") { Description = "No live page; the report at the end is written all the same." };

    public static Command Create()
    {
        var c = new SpeedrunCommand();
        var command = new Command("speedrun", "From nothing to a chat: tokenizer, pretraining, mid-training, fine-tuning, preferences, reinforcement learning, evaluation at every stage, and a report.") { c.minutes, c.depth, c.perParameter, c.port, c.noPage };
        c.arguments.AddTo(command, withStart: false);
        command.SetAction((args, _) => c.Run(args));
        return command;
    }

    async Task<int> Run(ParseResult args)
    {
        var since = Stopwatch.StartNew();
        var folder = arguments.Output(args);
        var settings = new SpeedrunSettings
        {
            Minutes = args.GetValue(minutes) ?? (args.GetValue(depth) is null ? 10 : null),
            Depth = args.GetValue(depth),
            TokensPerParameter = args.GetValue(perParameter),
            Seed = arguments.Seed(args),
            World = arguments.World(args),
            Data = arguments.Data(args),
            Set = arguments.Set(args),
        }.Checked();
        var observer = new Observer();
        await using var page = args.GetValue(noPage) ? null : LivePage.Start(folder, args.GetValue(port));
        if (page is not null) Console.WriteLine($"live page: {page.Address}");
        if (!Speedrun.Go(folder, settings, arguments.Replaces(args), since, plan => observer.Show(plan, folder), observer, StopSignal.Token))
        {
            Console.Error.WriteLine("ingot: stopped; the same command goes on from the checkpoint");
            return StopSignal.ExitCode;
        }
        Console.WriteLine($"report: {Path.Combine(folder, "report.html")}");
        Console.WriteLine($"done in {since.Elapsed.TotalMinutes:0.0} minutes. Try: ingot chat --model {args.CommandResult.GetValue<string>("--out")}");
        return 0;
    }

    sealed class Observer : ISpeedrunObserver
    {
        StageDisplay display = new(1);

        public void Say(string text) => Console.WriteLine(text);

        public void Line(StagePlan stage, StageLine line) => display.Line(stage.Name, stage.Steps, line);

        public void Line(StagePlan stage, DpoLine line) => StageDisplay.Line(stage.Name, stage.Steps, line);

        public void Line(StagePlan stage, RlLine line) => StageDisplay.Line(stage.Name, stage.Steps, line);

        public void Show(SpeedrunPlan plan, string folder)
        {
            display = new(plan.Machine.PeakGflops);
            var (m, memory) = (plan.Model, plan.Memory);
            Console.WriteLine($"""
                plan, kept in {folder}:
                  model    {plan.Parameters:N0} parameters: {m.Layers} layers of width {m.Width}, {m.Heads} heads ({m.KeyHeads} of keys), vocabulary {m.VocabularySize:N0}, context {m.ContextLength}
                  tokens   {plan.Tokens / 1e6:0.0} million, {plan.Tokens / plan.Parameters:0.0} a parameter; {plan.Options.SequencesPerStep} sequences a step, {plan.Options.Precision}
                  FLOPs    {plan.Flops6nd:0.00e+0} as 6ND, {plan.FlopsExact:0.00e+0} with attention
                  memory   weights {memory.Weights / 1e6:0.0} MB, gradients {memory.Gradients / 1e6:0.0} MB, optimizer {memory.Optimizer / 1e6:0.0} MB, activations {memory.Activations / 1e6:0.0} MB, KV cache {memory.KvCache / 1e6:0.0} MB a text
                  machine  {plan.Machine.Cpu}, {plan.Machine.Cores} threads: {plan.Machine.Gflops:0} GFLOPS in training, {100 * plan.Machine.Gflops / plan.Machine.PeakGflops:0} % of its peak; {plan.Machine.GeneratedTokensPerSecond:N0} tokens/s generated
                  time     {plan.Seconds / 60:0.0} minutes: {string.Join(", ", plan.Stages.Select(s => $"{s.Name} {s.Seconds:0} s"))}
                  loss     {(plan.Loss is { } l ? $"{l:0.000} nats a token at the end of pretraining" : "not known for this text")}
                """);
        }
    }
}
