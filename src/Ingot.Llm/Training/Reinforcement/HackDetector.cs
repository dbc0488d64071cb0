namespace Ingot.Llm.Training;

/// <summary>
/// Notices when the reward rises while an independent check falls: the model has found a way to be rewarded without doing what is meant. Both changes must be larger than
/// chance explains.
/// </summary>
/// <remarks>Gao et al. 2022, "Scaling laws for reward model overoptimization", shows the two curves part.</remarks>
/// <param name="window">Checks that are looked back.</param>
/// <param name="deviations">How many standard errors count as more than chance.</param>
public sealed class HackDetector(int window = 10, double deviations = 3)
{
    readonly List<(int Step, double Reward, double RewardError, double Check, int Count)> seen = [];

    /// <summary>Takes note of the state after some step.</summary>
    /// <param name="step">Steps done.</param>
    /// <param name="reward">Mean reward of the samples.</param>
    /// <param name="rewardError">Its standard error.</param>
    /// <param name="check">Share of the held-out tasks that are right.</param>
    /// <param name="count">How many there are.</param>
    /// <returns>A warning in words, or null.</returns>
    public string? Observe(int step, double reward, double rewardError, double check, int count)
    {
        string? warning = null;
        foreach (var (earlier, rewardThen, errorThen, checkThen, countThen) in seen)
        {
            double rise = (reward - rewardThen) / Math.Max(1e-12, Math.Sqrt(rewardError * rewardError + errorThen * errorThen));
            // The pooled share: of two shares at their ends the errors alone would be 0.
            double share = (check * count + checkThen * countThen) / (count + countThen);
            double fall = (checkThen - check) / Math.Max(1e-12, Math.Sqrt(share * (1 - share) * (1.0 / count + 1.0 / countThen)));
            if (reward <= rewardThen || check >= checkThen || rise < deviations || fall < deviations) continue;
            warning = FormattableString.Invariant(
                $"from step {earlier} to {step} the reward rose from {rewardThen:0.000} to {reward:0.000}, but the check on held-out tasks fell from {checkThen:0.000} to {check:0.000}: the model is being rewarded for something else than what is meant; make the reward as strict as the check");
            break;
        }
        seen.Add((step, reward, rewardError, check, count));
        if (seen.Count > window) seen.RemoveAt(0);
        return warning;
    }
}
