using System.Diagnostics;
using System.Globalization;
using Ingot.Llm.Generation;
using Ingot.Llm.Models;
using Ingot.Runtime;

namespace Ingot.Cli;

/// <summary>The time that a model's steps take, and what they did.</summary>
sealed class RunSpeed(LoadedModel loaded)
{
    int written, steps;
    double promptSeconds, writingSeconds;

    /// <summary>Tokens of prompts that were computed; others came from the cache.</summary>
    public int Prompts { get; private set; }

    /// <summary>Does a step. One that has several given tokens to read is a prompt's.</summary>
    public void Step(Engine engine, GeneratedSequence sequence)
    {
        var (tokens, cached, reused) = (sequence.Tokens.Count, sequence.Cached, sequence.Reused);
        long start = Stopwatch.GetTimestamp();
        engine.Step();
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        if (tokens - cached > 1)
        {
            promptSeconds += seconds;
            Prompts += Math.Max(0, Math.Min(sequence.Cached, tokens) - cached - (sequence.Reused - reused));
        }
        else
        {
            writingSeconds += seconds;
            steps++;
            written += sequence.Tokens.Count - tokens;
        }
    }

    /// <summary>What follows a prompt, without the token that ends the text.</summary>
    /// <param name="engine">Of the model.</param>
    /// <param name="prompt">At least one token.</param>
    /// <param name="options">How to choose.</param>
    /// <param name="drafter">What guesses tokens; null: nothing.</param>
    public IEnumerable<int> Tokens(Engine engine, int[] prompt, SamplingOptions options, IDrafter? drafter = null)
    {
        using var sequence = engine.Start(prompt, options);
        sequence.Drafter = drafter;
        int given = prompt.Length;
        while (!sequence.IsDone && !StopSignal.Token.IsCancellationRequested)
        {
            Step(engine, sequence);
            for (; given < sequence.Tokens.Count; given++)
                if (!(sequence.Finish == Finish.EndToken && given == sequence.Tokens.Count - 1)) yield return sequence.Tokens[given];
        }
    }

    /// <summary>The figures, on standard error.</summary>
    public void Write()
    {
        string Number(double value) => value.ToString("N1", CultureInfo.InvariantCulture);
        Console.Error.WriteLine($"prompt: {Prompts} tokens, {Number(Prompts / Math.Max(promptSeconds, 1e-9))} a second");
        if (steps == 0) return;
        double read = loaded.BytesReadPerToken, rate = read * steps / writingSeconds / 1e9, peak = Peaks.Measure().ReadGBs;
        Console.Error.WriteLine($"writing: {written} tokens, {Number(written / writingSeconds)} a second; {Number(read / 1e6)} MB of weights read a token, {Number(rate)} GB/s, {Number(100 * rate / peak)}% of the {Number(peak)} GB/s measured now");
    }
}
