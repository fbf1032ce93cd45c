using Microsoft.Extensions.Logging;

namespace Sentinel.Certificates.Acme;

/// <summary>One certificate from the order to the chain. Everything that must outlive a crash goes through <c>keep</c> before the authority sees it.</summary>
internal sealed class Issuance(AcmeClient client, AcmeSettings settings, Proofs proofs, TimeProvider time, ILogger logger)
{
    /// <summary>Goes on with the order of the record, or places one.</summary>
    /// <param name="names">What it is to be for.</param>
    /// <param name="record">As it was kept last; the try is entered in it already.</param>
    /// <param name="keep">Writes it down.</param>
    /// <param name="replaced">What the new one is to replace; null: nothing.</param>
    /// <param name="mayOrder">Whether a new order may be placed if the one of the record came to nothing.</param>
    /// <exception cref="AcmeException">Refused. The order is of no more use, unless that is for the moment only.</exception>
    /// <exception cref="HttpRequestException">The authority cannot be reached. The order stays.</exception>
    public async Task<HeldCertificate> RunAsync(EquatableNames names, CourseRecord record, Func<CourseRecord, Task> keep, HeldCertificate? replaced, bool mayOrder, CancellationToken cancellationToken)
    {
        try
        {
            if (await FromBeforeAsync(names, record, cancellationToken).ConfigureAwait(false) is { } known)
            {
                Log.Resumed(logger, names.ToString(), known);
                if (record.Order is null)
                {
                    record = record with { Order = known };
                    await keep(record).ConfigureAwait(false);
                }

                var certificate = await FinishAsync(names, known, record.Key!, cancellationToken).ConfigureAwait(false);
                if (certificate.Fingerprint != replaced?.Fingerprint)
                {
                    return certificate;
                }

                // A crash came after everything was done, and what was made then is what is due now.
            }

            if (!mayOrder)
            {
                throw new AcmeException("the order that was under way at the last restart came to nothing, and authorities count orders: the next one waits");
            }

            record = record with { Directory = client.Directory, Order = null, Key = CertificateKey.Create(settings.KeyType) };
            await keep(record).ConfigureAwait(false);
            var order = await PlaceAsync(names, replaced, cancellationToken).ConfigureAwait(false);
            record = record with { Order = order };
            await keep(record).ConfigureAwait(false);
            return await FinishAsync(names, order, record.Key!, cancellationToken).ConfigureAwait(false);
        }
        catch (AcmeException e) when (!e.IsPassing)
        {
            await keep(record with { Order = null, Key = null }).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>The order of a try that came to no end: the one on record or, where the answer to asking for one was never heard, the one that the authority lists.</summary>
    private async Task<Uri?> FromBeforeAsync(EquatableNames names, CourseRecord record, CancellationToken cancellationToken)
    {
        if (record.Key is not { } key || record.Directory != client.Directory || !CertificateKey.Fits(key, settings.KeyType))
        {
            return null;
        }

        try
        {
            return record.Order is not { } order ? await client.FindOrderAsync(names, cancellationToken).ConfigureAwait(false)
                : (await client.ReadOrderAsync(order, cancellationToken).ConfigureAwait(false)).Status is "pending" or "ready" or "processing" or "valid" ? order
                : null;
        }
        catch (AcmeException e) when (!e.IsPassing)
        {
            // Expired, or the authority forgot it.
            return null;
        }
    }

    private async Task<Uri> PlaceAsync(EquatableNames names, HeldCertificate? replaced, CancellationToken cancellationToken)
    {
        var directory = await client.ReadDirectoryAsync(cancellationToken).ConfigureAwait(false);
        var replaces = directory.RenewalInfo is not null && replaced?.Source.Origin == CertificateOrigin.Acme ? CertificateId.Of(replaced.Leaf) : null;
        if (settings.Profile is { } profile && directory.Meta.Profiles?.ContainsKey(profile) != true)
        {
            var offered = directory.Meta.Profiles is { Count: > 0 } profiles ? $"it has {string.Join(", ", profiles.Keys)}" : "it has none";
            throw new AcmeException($"{client.Directory} has no profile \"{profile}\": {offered}; change certificates.acme.profile");
        }

        try
        {
            return await client.OrderAsync(names, settings.Profile, replaces, cancellationToken).ConfigureAwait(false);
        }
        catch (AcmeException e) when (replaces is not null && (e.Problem.Is("alreadyReplaced") || e.Problem.Is("malformed") || e.Problem.Status is 404 or 409))
        {
            // What is replaced only gives priority; an authority that does not know it must not stand in the way (RFC 9773 §5).
            return await client.OrderAsync(names, settings.Profile, replaces: null, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<HeldCertificate> FinishAsync(EquatableNames names, Uri url, string key, CancellationToken cancellationToken)
    {
        var order = await client.ReadOrderAsync(url, cancellationToken).ConfigureAwait(false);
        if (order.Status == "pending")
        {
            await Task.WhenAll(order.Authorizations.Select(authorization => ProveAsync(authorization, cancellationToken))).ConfigureAwait(false);
            order = await client.AwaitAsync(url, "pending", cancellationToken).ConfigureAwait(false);
        }

        if (order is { Status: "ready", Finalize: { } finalize })
        {
            await client.FinalizeAsync(finalize, CertificateKey.Request(key, settings.KeyType, names), cancellationToken).ConfigureAwait(false);
        }

        order = await client.AwaitAsync(url, "ready", cancellationToken).ConfigureAwait(false);
        if (order is not { Status: "valid", Certificate: { } certificate })
        {
            throw order.Error is { } problem ? new AcmeException(problem, null) : new AcmeException($"the order became {order.Status}");
        }

        var chain = await client.DownloadAsync(certificate, settings.PreferredChain, cancellationToken).ConfigureAwait(false);
        var held = HeldCertificate.TryRead(chain, key, CertificateSource.Acme, out var why) ?? throw new AcmeException($"{certificate} cannot be used: {why}");
        return held.Names.Equals(names) ? held : throw new AcmeException($"{certificate} is for {held.Names} and not for {names}");
    }

    private async Task ProveAsync(Uri url, CancellationToken cancellationToken)
    {
        var authorization = await client.ReadAuthorizationAsync(url, cancellationToken).ConfigureAwait(false);
        if (authorization.Status == "valid")
        {
            return;
        }

        var name = authorization.Identifier.Value;
        var word = Proofs.WordOf(settings.Challenge);
        if (authorization.Status == "pending")
        {
            if (authorization.Challenges.FirstOrDefault(challenge => challenge.Type == word) is not { Url: { } answer } asked)
            {
                var offered = string.Join(", ", authorization.Challenges.Select(challenge => challenge.Type));
                throw new AcmeException($"{name} can be proved by {offered} and not by {word}; change certificates.acme.challenge");
            }

            var key = await client.KeyAsync(cancellationToken).ConfigureAwait(false);
            await using var proof = await proofs.ShowAsync(settings, name, asked.Token, key.Authorize(asked.Token), time, cancellationToken).ConfigureAwait(false);
            await client.AnswerAsync(answer, cancellationToken).ConfigureAwait(false);
            authorization = await client.DecideAsync(url, cancellationToken).ConfigureAwait(false);
        }

        if (authorization.Status != "valid")
        {
            var problem = authorization.Challenges.Select(challenge => challenge.Error).FirstOrDefault(error => error is not null);
            throw new AcmeException((problem ?? new() { Type = authorization.Status }) with { Identifier = null, Detail = $"{name}: {problem?.Detail ?? "the authorization is of no use"}" }, null);
        }
    }
}
