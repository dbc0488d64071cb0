using System.Diagnostics;
using Ingot.Llm.Chat;
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

    Speedrun(RunDirectory run, SpeedrunPlan plan, ISpeedrunObserver observer, CancellationToken cancellation)
    {
        (this.run, this.plan, this.observer, this.cancellation) = (run, plan, observer, cancellation);
        variation = new(plan.Settings.Set);
        corpora = Corpora.Of(plan.Settings.World, plan.Settings.Data, observer.Say);
        examination = new(corpora, plan.Settings.Seed);
    }

    /// <summary>The whole run, or what is left of it.</summary>
    /// <param name="folder">Of the run.</param>
    /// <param name="settings">The dial and what deviates from the defaults.</param>
    /// <param name="since">Runs since the command began.</param>
    /// <param name="planned">Shown the plan before the first step.</param>
    /// <param name="observer">Told what happens.</param>
    /// <param name="cancellation">Stops the run after the step it is at, with a checkpoint.</param>
    /// <returns>False if it was stopped.</returns>
    /// <exception cref="IngotException">The folder has another run, the budget is too small, a disk is full, or training diverges; what was done stays.</exception>
    public static bool Go(string folder, SpeedrunSettings settings, Stopwatch since, Action<SpeedrunPlan> planned, ISpeedrunObserver observer, CancellationToken cancellation = default)
    {
        var run = new RunDirectory(folder);
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
            try { isDone = new Speedrun(run, plan, observer, cancellation).Run(); }
            catch (OperationCanceledException) { isDone = false; }
            if (isDone) run.Finish();
        }
        RunReport.Read(folder).Write();
        return isDone;
    }

    bool Run()
    {
        var tokenizer = Tokenizer();
        var model = new Decoder(Dial.Config(plan.Model, variation) with { VocabularySize = tokenizer.VocabularySize, EndTokens = [new ChatFormat(tokenizer).AssistantEnd], BeginToken = new ChatFormat(tokenizer).Begin }, plan.Settings.Seed);
        var data = new StageData(corpora, tokenizer, plan.Settings.Seed);
        var validation = data.Validation;

        foreach (var (recipe, _) in StageRecipe.InOrder)
        {
            var folder = run.Stage(recipe.Name);
            if (!StageRun.IsDone(folder))
            {
                var stage = plan.Stage(recipe.Name);
                observer.Say($"{recipe.Name}: {stage.Steps:N0} steps of {plan.Batch * plan.Model.ContextLength:N0} tokens, about {stage.Seconds:0} s");
                using var timed = run.Time(recipe.Name);
                bool isDone = StageRun.Run(folder, model, tokenizer, data.Of(recipe, stage.Tokens, plan.Model.ContextLength), Options(recipe, stage), validation, line => observer.Line(stage, line), cancellation);
                if (!isDone) return false;
            }
            model = ModelFolder.Load(StageRun.ModelPath(folder)).Model;
            Examine(recipe.Name, plan.Stage(recipe.Name).Steps, model, tokenizer, recipe == StageRecipe.Sft ? plan.EvaluationItems : plan.EvaluationItems / 5);
        }
        new ModelFolder(model, tokenizer).Save(run.Model);
        return true;
    }

    StageOptions Options(StageRecipe recipe, StagePlan stage)
    {
        var options = variation.Options(recipe.Adapt(Dial.Options(plan.Model, plan.Tokens, plan.Settings.Seed, plan.Precision)));
        return options with { Name = recipe.Name, Steps = stage.Steps, LogEvery = Math.Max(1, stage.Steps / 100), EvaluateEvery = Math.Max(1, stage.Steps / 4) };
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
        if (run.HasMetrics(stage)) return;
        observer.Say($"{stage}: evaluation, {items} items a set");
        using var timed = run.Time("eval");
        run.WriteResults(stage, examination.Scores(stage, model, tokenizer, items, cancellation), examination.Samples(stage, steps, model, tokenizer, cancellation), Stages);
    }

    IEnumerable<string> Stages => plan.Stages.Select(s => s.Name);
}
