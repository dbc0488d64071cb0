using System.Diagnostics;
using Ingot.Llm.Models;
using Ingot.Llm.Planning;
using Ingot.Llm.Report;
using Ingot.Llm.Tokenizers;
using Ingot.Llm.Training;

namespace Ingot.Llm.Pipeline;

/// <summary>What a run tells while it goes.</summary>
public interface ISpeedrunObserver
{
    /// <summary>A sentence on what happens.</summary>
    void Say(string text);

    /// <summary>A line of a stage's log.</summary>
    /// <param name="stage">Its name and steps.</param>
    /// <param name="line">Of its log.</param>
    void Line(StagePlan stage, StageLine line);

    /// <summary>A line of the log of training on preferences.</summary>
    void Line(StagePlan stage, DpoLine line);

    /// <summary>A line of the log of reinforcement learning.</summary>
    void Line(StagePlan stage, RlLine line);
}

/// <summary>
/// From nothing to a chat: plan, tokenizer, pretraining, mid-training, supervised fine-tuning, preferences, reinforcement learning, evaluation at every stage, report.
/// All of it is in one folder, and the same command goes on where it stopped.
/// </summary>
public sealed class Speedrun
{
    readonly RunDirectory run;
    readonly SpeedrunPlan plan;
    readonly Variation variation;
    readonly IReadOnlyList<WeightedCorpus> corpora;
    readonly Examination examination;
    readonly ISpeedrunObserver observer;
    readonly CancellationToken cancellation;

    Speedrun(RunDirectory run, SpeedrunPlan plan, IReadOnlyList<WeightedCorpus> corpora, ISpeedrunObserver observer, CancellationToken cancellation)
    {
        (this.run, this.plan, this.corpora, this.observer, this.cancellation) = (run, plan, corpora, observer, cancellation);
        variation = new(plan.Settings.Set);
        examination = new(corpora, plan.Settings.Seed);
    }

    /// <summary>The whole run, or what is left of it.</summary>
    /// <param name="folder">Of the run.</param>
    /// <param name="settings">The dial and what deviates from the defaults.</param>
    /// <param name="replaces">What is there of another run is removed, once the settings and the data have been found good.</param>
    /// <param name="since">Runs since the command began.</param>
    /// <param name="planned">Shown the plan before the first step.</param>
    /// <param name="observer">Told what happens.</param>
    /// <param name="cancellation">Stops the run after the step it is at, with a checkpoint.</param>
    /// <returns>False if it was stopped.</returns>
    /// <exception cref="IngotException">The folder has another run, the budget is too small, a disk is full, or training diverges; what was done stays.</exception>
    public static bool Go(string folder, SpeedrunSettings settings, bool replaces, Stopwatch since, Action<SpeedrunPlan> planned, ISpeedrunObserver observer, CancellationToken cancellation = default)
    {
        var run = new RunDirectory(folder);
        var corpora = Corpora.Of(settings.World, settings.Data, observer.Say); // first: what cannot be read must not cost a plan
        var variation = new Variation(settings.Checked().Set);
        variation.Shape(ModelShape.OfDepth(settings.Depth ?? 4));
        variation.Recipe(StageRecipe.Base);
        if (replaces) RunDirectory.Clear(folder);
        SpeedrunPlan plan;
        if (SpeedrunPlan.Exists(folder))
        {
            plan = SpeedrunPlan.Read(folder);
            if (plan.Settings != settings) throw new IngotException($"the run in {folder} was started with other settings; give the same to go on with it, another --out, or --force to replace it");
        }
        else
        {
            plan = Dial.Plan(settings, since, observer.Say, cancellation);
            plan.Write(folder);
        }
        planned(plan);
        bool isDone;
        using (run.Clock(plan, since))
        {
            try { isDone = new Speedrun(run, plan, corpora, observer, cancellation).Run(); }
            catch (OperationCanceledException) { isDone = false; }
            if (isDone) run.Finish();
        }
        RunReport.Read(folder).Write();
        return isDone;
    }

    bool Run()
    {
        var tokenizer = Tokenizer();
        var model = Dial.NewModel(plan.Model, variation, tokenizer, plan.Settings.Seed);
        var data = new StageData(corpora, tokenizer, plan.Settings.Seed);
        var validation = data.Validation;

        foreach (var stage in plan.Stages)
        {
            var folder = run.Stage(stage.Name);
            if (!StageRun.IsDone(folder))
            {
                observer.Say($"{stage.Name}: {stage.Steps:N0} steps, about {stage.Seconds:0} s");
                using var timed = run.Time(stage.Name);
                if (!Train(stage, folder, model, tokenizer, data, validation)) return false;
                new ModelFolder(model, tokenizer).Save(StageRun.ModelPath(folder));
            }
            model = ModelFolder.Load(StageRun.ModelPath(folder)).Model;
            Examine(stage.Name, stage.Steps, model, tokenizer, stage.Name is "sft" or "rl" ? plan.EvaluationItems : plan.EvaluationItems / 5);
        }
        if (!run.HasOverlaps)
        {
            using var timed = run.Time("overlap");
            run.WriteOverlaps(examination.Overlaps(plan.EvaluationItems, StageRecipe.InOrder.SelectMany(s => data.Texts(variation.Recipe(s.Recipe), plan.Stage(s.Recipe.Name).Tokens))));
        }
        new ModelFolder(model, tokenizer).Save(run.Model);
        return true;
    }

    /// <summary>One stage, in place.</summary>
    /// <returns>False if it was stopped.</returns>
    bool Train(StagePlan stage, string folder, Decoder model, Tokenizer tokenizer, StageData data, IReadOnlyList<TokenSource> validation)
    {
        int logEvery = Math.Max(1, stage.Steps / 100);
        ulong seed = plan.Settings.Seed;
        switch (stage.Name)
        {
            case "dpo":
                var pairs = AnswerStages.Pairs(corpora, seed, stage.Steps);
                if (pairs.Count == 0) return Left(stage, "no pairs of answers can be made of this text");
                return new DpoTrainer(model, tokenizer, pairs, AnswerStages.Dpo(stage.Steps, seed, plan.Options.Precision) with { LogEvery = logEvery }, folder)
                    .Run(line => observer.Line(stage, line), cancellation);
            case "rl":
                if (AnswerStages.Tasks(corpora, seed, model, tokenizer, words => observer.Say($"rl {words}")) is not { } tasks) return Left(stage, "no tasks can be made of this text");
                return new GrpoTrainer(model, tokenizer, tasks, AnswerStages.Rl(stage.Steps, seed) with { LogEvery = logEvery }, folder)
                    .Run(line =>
                    {
                        observer.Line(stage, line);
                        if (line.Warning is { } warning) run.Warn(warning);
                    }, cancellation);
            default:
                var recipe = variation.Recipe(StageRecipe.Named(stage.Name));
                var watch = new SpeedWatch(plan.Machine.Gflops, plan.Machine.VectorGflops);
                return new StageTrainer(model, data.Of(recipe, stage.Tokens, plan.Model.ContextLength), recipe.Options(plan.Options, variation, stage.Steps), folder, validation).Run(line =>
                {
                    observer.Line(stage, line);
                    if (watch.Observe(line.Gflops) is not { } warning) return;
                    observer.Say(warning);
                    run.Warn(warning);
                }, cancellation);
        }
    }

    /// <summary>Passes over a stage that the data has nothing for: its model is the one before.</summary>
    bool Left(StagePlan stage, string why)
    {
        observer.Say($"{stage.Name} is left out: {why}");
        return true;
    }

    Tokenizer Tokenizer()
    {
        var path = run.Tokenizer;
        if (File.Exists(path)) return TokenizerFile.Load(path);
        using var timed = run.Time("tokenizer");
        var tokenizer = CorpusTokenizer.Train(corpora, plan.Model.VocabularySize, variation.SplitPattern, plan.Settings.Seed, cancellation);
        TokenizerFile.Save(tokenizer, path);
        observer.Say($"tokenizer: {tokenizer.VocabularySize:N0} tokens");
        return tokenizer;
    }

    /// <summary>Asks a stage's model once, and writes scores and answers.</summary>
    void Examine(string stage, int steps, Decoder model, Tokenizer tokenizer, int items)
    {
        if (!run.HasMetrics(stage))
        {
            observer.Say($"{stage}: evaluation, {items} items a set");
            using var timed = run.Time("eval");
            run.WriteResults(stage, examination.Scores(stage, model, tokenizer, items, cancellation), examination.Samples(stage, steps, model, tokenizer, cancellation));
        }
        run.Collect(plan.Stages.Select(s => s.Name));
    }
}
