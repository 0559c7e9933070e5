"""The reasons in the Portuguese of Brazil."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.web.reasons.shape import Around, Reason

_SEND = (
    "Envie. Se deu certo, você não recebe mais nenhum aviso. Se não, chega um e-mail como o que trouxe você até aqui."
)
_REPLY_ALL = (
    "Abra o e-mail na pasta *Enviados* e escolha *Responder a todos*. Assim as pessoas e o assunto continuam os mesmos."
)
_RIGHT_ADDRESS = "Pergunte ao colega que lhe deu o endereço como ele se escreve."
_AGAIN = "Coloque o endereço certo em Cc e envie de novo."
_NOTHING = "Não é preciso fazer nada: o seu servidor de e-mail tenta de novo sozinho."

REASONS: Mapping[str, Reason] = {
    "A1": Reason(
        "Este servidor não recebe e-mails para esse domínio.",
        "Você enviou um e-mail para {address} por um servidor que só recebe e-mails para endereços inteligentes, e "
        "este não é um deles.",
        ("Confira a parte depois do sinal @.", _RIGHT_ADDRESS, _AGAIN),
        "o domínio não é nosso",
        "{mail} foi enviado para um domínio que não é nosso",
        "Confira a parte do endereço depois do sinal @.",
    ),
    "A2": Reason(
        "Nenhuma equipe tem este endereço.",
        "Você enviou um e-mail para {address}. Ninguém aqui tem esse nome: ele pode estar escrito errado, ou a equipe "
        "pode não existir mais.",
        ("Confira como está escrita a parte antes do sinal @.", _RIGHT_ADDRESS, _AGAIN),
        "nenhuma conta tem esse nome",
        "{mail} foi enviado para uma conta que não existe",
        "Confira como está escrita a parte do endereço antes do sinal @.",
    ),
    "A3": Reason(
        "A terminação depois do sinal de mais não existe.",
        "Você enviou um e-mail para {address}. Uma equipe tem três endereços: sem terminação, com +contact e com "
        "+lead.",
        (
            _REPLY_ALL,
            (
                "Coloque o endereço em Cc: como ele é para arquivar o e-mail, com +contact para adicionar pessoas, com "
                "+lead para abrir um lead."
            ),
            _SEND,
        ),
        "a terminação não existe; +contact e +lead existem",
        "{mail} foi enviado para uma terminação que não existe",
        "Peça que o enviem de novo com um dos seus três endereços em Cc.",
    ),
    "A4": Reason(
        "Este endereço mudou.",
        "Você enviou um e-mail para {address}. A equipe agora tem outro nome, e os endereços mudaram com ele.",
        (
            "Pergunte o novo endereço à equipe para a qual você escreve.",
            "Troque o endereço antigo nos seus contatos.",
            _SEND,
        ),
        "um nome antigo desta conta",
        "{mail} foi enviado para o seu endereço antigo",
        "Informe o novo endereço a quem enviou. O antigo continua reservado para você.",
    ),
    "A6": Reason(
        "Este e-mail vai para várias equipes, uma de cada vez.",
        "Cada equipe dá a sua própria resposta, por isso o seu servidor de e-mail entrega o e-mail a {address} em "
        "separado daqui a pouco.",
        (_NOTHING,),
        "outra conta vem primeiro; o servidor de e-mail tenta de novo",
        "{mail} está a caminho de novo",
        "Não é preciso fazer nada: o servidor de e-mail de quem enviou tenta de novo sozinho.",
        once=True,
    ),
    "A8": Reason(
        "Este servidor de e-mail enviou demais de uma só vez.",
        "O seu servidor de e-mail enviou mais e-mails, ou e-mails maiores, do que recebemos. Um e-mail grande demais "
        "não é recebido; todos os outros só atrasam.",
        (
            "Se o e-mail é grande demais, envie-o de novo com um link no lugar do anexo.",
            "Nos outros casos, espere: o seu servidor de e-mail tenta de novo sozinho.",
        ),
        "acima de um limite",
        "{mail} ficou acima de um limite",
        "Se o e-mail é grande demais, peça um link no lugar do anexo.",
    ),
    "B1": Reason(
        "O endereço estava em Bcc (Cco). Ele só funciona em Cc.",
        "Você enviou um e-mail com {address} em cópia oculta. Esse endereço arquiva e-mails para uma equipe, e só "
        "quando todos os que estão no e-mail podem vê-lo.",
        (_REPLY_ALL, "Coloque este endereço em *Cc* e deixe o campo Cco vazio:", _SEND),
        "cópia oculta: o endereço estava em Bcc",
        "{mail} foi enviado em cópia oculta",
        "Peça que o enviem de novo com o endereço em Cc.",
        envelope="Bcc",
    ),
    "B1-to": Reason(
        "O endereço estava em To (Para). Ele só funciona em Cc.",
        "Você enviou um e-mail para {address}. Esse endereço arquiva e-mails entre você e o seu cliente, por isso fica "
        "ao lado deles, em Cc. Isso vale também para e-mails encaminhados.",
        (
            "Abra o e-mail na pasta *Enviados* e escreva-o para o seu cliente.",
            "Coloque este endereço em *Cc*, e não no campo Para:",
            _SEND,
        ),
        "o endereço estava em To, não em Cc",
        "{mail} foi enviado para o próprio endereço",
        "Peça que o enviem de novo com o endereço em Cc. Isso vale também para e-mails encaminhados.",
        envelope="To",
    ),
    "B2": Reason(
        "Um aviso de um sistema de e-mail chegou a um endereço que não envia nada.",
        "Uma devolução ou um aviso parecido foi enviado para {address}. Um endereço inteligente nunca envia, por isso "
        "nenhum aviso é para ele.",
        (
            (
                "Não é preciso fazer nada. Se você administra o servidor de e-mail, procure quem falsifica este "
                "endereço como remetente."
            ),
        ),
        "uma devolução, e um endereço inteligente não envia nada",
        "{mail} é uma devolução",
        "Não é preciso fazer nada: um endereço inteligente não envia nada, por isso nenhuma devolução é para ele.",
    ),
    "B3": Reason(
        "Este e-mail anda em círculos.",
        "No caminho até {address} ele passou por tantos servidores que um deles deve estar enviando-o de volta.",
        (
            "Procure uma regra de encaminhamento que leva de volta ao próprio início.",
            "Remova essa regra e envie o e-mail de novo.",
        ),
        "anda em círculos",
        "{mail} anda em círculos",
        "Procure uma regra de encaminhamento que leva de volta ao próprio início.",
    ),
    "B4": Reason(
        "O cabeçalho deste e-mail não pode ser lido.",
        "O seu programa de e-mail escreveu a linha From, ou outras linhas acima do texto, de uma forma que não diz com "
        "certeza quem escreveu o e-mail. Ele foi enviado para {address}.",
        ("Envie de novo por um programa de e-mail comum, com um só endereço em From.",),
        "o cabeçalho está malformado",
        "{mail} tem um cabeçalho malformado",
        "Peça que o enviem de novo por um programa de e-mail comum. A resposta abaixo diz o que está errado.",
    ),
    "B4a": Reason(
        "O seu servidor de e-mail terminou uma linha de um jeito que o e-mail não permite.",
        "As linhas de um e-mail terminam com dois caracteres, retorno de carro e avanço de linha. Faltou um deles.",
        ("Se você administra o servidor de e-mail, atualize-o e envie de novo.",),
        "uma linha terminou de um jeito não permitido",
        "{mail} quebrou as regras do e-mail",
        "O servidor de e-mail de quem enviou precisa ser atualizado.",
    ),
    "B4b": Reason(
        "Este e-mail foi montado de um jeito que não lemos.",
        "Ele tem mais linhas de cabeçalho, endereços ou partes dentro de partes do que qualquer e-mail comum. Ele foi "
        "enviado para {address}.",
        ("Envie de novo como um e-mail novo e simples, com menos pessoas.",),
        "além do que lemos",
        "{mail} está além do que lemos",
        "Peça que o enviem de novo como um e-mail novo e simples.",
    ),
    "B4c": Reason(
        "Um endereço inteligente não pode ser o remetente.",
        "O e-mail diz que um endereço inteligente o escreveu. Um endereço desses só recebe, por isso o e-mail não pode "
        "ser autêntico.",
        ("Escolha o seu próprio endereço em From e envie de novo.", _SEND),
        "diz que um endereço inteligente o escreveu",
        "{mail} diz que um endereço inteligente o escreveu",
        "Um endereço inteligente não envia nada. Quem escreveu precisa escolher um endereço próprio em From.",
    ),
    "B5": Reason(
        "Não conseguimos confirmar que este e-mail vem do domínio que ele indica.",
        "O domínio em From pede que sejam recusados os e-mails que não provam vir dele, e este e-mail para {address} "
        "não prova.",
        (
            "Envie pelo serviço de e-mail do seu próprio domínio.",
            "Se você administra esse domínio: assine os e-mails dele (DKIM) ou inclua este servidor de e-mail (SPF).",
        ),
        "sem prova de que vem do domínio que indica",
        "{mail} não prova que vem do domínio que indica",
        "O domínio de quem enviou pede que tais e-mails sejam recusados. Quem o administra pode assinar os e-mails.",
    ),
    "B7": Reason(
        "Só pessoas que esta equipe conhece podem escrever aqui.",
        "Você enviou um e-mail com {address} em Cc. A equipe só recebe e-mails das suas pessoas e dos clientes delas.",
        ("Escreva à pessoa que você conhece nessa equipe, sem este endereço.",),
        "uma pessoa desconhecida, e só conhecidos podem escrever aqui",
        "{mail} foi escrito por uma pessoa desconhecida",
        "Para aceitar quem escreveu, crie um contato. Você também pode deixar que desconhecidos escrevam.",
    ),
    "B8": Reason(
        "Não havia nenhum cliente no e-mail.",
        "Você enviou um e-mail para {address}, que cria um contato ou um lead do cliente que está no e-mail. From, To "
        "e Cc só tinham pessoas da equipe. O texto de um e-mail encaminhado não é lido.",
        ("Escreva ao seu cliente, ou responda a ele.", "Coloque este endereço em *Cc*:", _SEND),
        "nenhum cliente em From, To ou Cc",
        "{mail} não tem nenhum cliente",
        "Peça um e-mail que tenha o cliente em To ou Cc. O texto de um e-mail encaminhado não é lido.",
    ),
    "B10": Reason(
        "Neste momento não podemos receber e-mails.",
        "Algo do nosso lado está fora de serviço por pouco tempo. O seu e-mail para {address} não se perdeu.",
        (_NOTHING,),
        "problema do nosso lado; o servidor de e-mail tenta de novo",
        "{mail} não pôde ser recebido por um momento",
        "Não é preciso fazer nada: o servidor de e-mail de quem enviou tenta de novo sozinho.",
        once=True,
    ),
}

OTHER = Reason(
    "Este e-mail não foi recebido.",
    "Um e-mail para {address} foi recusado. As palavras abaixo são as que o seu servidor de e-mail recebeu.",
    ("Mostre esta página ao colega que lhe deu o endereço.",),
    "não recebido",
    "{mail} foi recusado",
    "A resposta abaixo diz por quê.",
)

AROUND = Around(
    title="Por que o seu e-mail não foi arquivado",
    language="Idioma",
    safe="As outras pessoas para quem você escreveu não são afetadas.",
    safe_why="Só a cópia para este endereço foi recusada, e o texto dela não foi guardado.",
    right="Como fazer do jeito certo",
    now="O que acontece agora",
    wrong="O que aconteceu",
    works="O que funciona",
    client="o seu cliente",
    nobody="ninguém",
    told="O que foi dito ao seu servidor de e-mail",
    stuck="Ainda não deu certo? Mostre esta página ao colega que lhe deu o endereço.",
    receipt="Ele pode procurar o registro {receipt}.",
    private="Esta página não mostra o e-mail de ninguém: nem assunto, nem texto, nem o endereço de alguém.",
    gone="Não temos mais este registro.",
    gone_days="Os registros são guardados por {days} dias.",
    gone_how="A resposta que o seu servidor de e-mail recebeu diz o motivo em poucas palavras. Mostre-a ao colega que "
    "lhe deu o endereço.",
    mail="Um e-mail",
)
